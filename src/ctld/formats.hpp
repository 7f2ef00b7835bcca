// ctld/formats.hpp — members of several releases: which forms of the state each knows, and when a newer one comes into
// use.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cluster/link.hpp"
#include "ctld/replica.hpp"
#include "io/task.hpp"

namespace flurm::ctld {

/// The forms that a member reads, as it tells them.
struct KnownFormats {
  std::uint16_t oldest = 1;
  std::uint16_t newest = 0;  ///< 0: it did not say
};

struct MemberVersion {
  std::string name, version;
  KnownFormats formats;
  std::string error;  ///< why they are not known
};

struct Versions {
  std::uint16_t in_use = 0;
  std::vector<MemberVersion> members;
};

std::string to_json(const Versions& versions);
/// A table for people.
std::string to_text(const Versions& versions);

/// While it leads, a member has the newest format that all members know come into use. Loop thread only.
class Formats {
 public:
  /// newest: what this member says it knows at most, 0 for what it does. `link` and `replica` must outlive it.
  Formats(io::Loop& loop, cluster::Link& link, Replica& replica, std::string version, std::uint16_t newest);

  void start();
  void stop() { ++reign_; }
  /// Called when this member has brought a newer one into use.
  void on_raised(std::function<void()> fn) { raised_ = std::move(fn); }
  /// Asks all members, a second at most.
  io::Task<Versions> versions();

 private:
  io::Task<> lead(std::uint64_t reign);

  io::Loop& loop_;
  cluster::Link& link_;
  Replica& replica_;
  std::string version_;
  KnownFormats own_;
  std::uint64_t reign_ = 0;
  std::function<void()> raised_;
};

}  // namespace flurm::ctld
