// ctld/roster.hpp — who the controllers are while this one runs. The log says who; everybody else here follows it.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cluster/link.hpp"
#include "ctld/beginning.hpp"
#include "io/event.hpp"
#include "io/task.hpp"
#include "io/timer.hpp"
#include "replog/log.hpp"

namespace flurm::ctld {

/// Keeps the link's members those of the log, notices when this controller is none any more, and lets new ones vote
/// when they have caught up. Loop thread only; link and log must outlive it.
class Roster {
 public:
  /// configured: this one and the others as the configuration names them.
  Roster(io::Loop& loop, cluster::Link& link, replog::Log& log, std::vector<cluster::Member> configured);

  /// Waits until this controller may begin, and tells the log how. has_log: its directory has one. False: stopped.
  io::Task<bool> wait_to_begin(bool has_log);
  /// After the log was started: from now on the members are followed. Its listener of members is this.
  void start();
  void stop();
  /// After stop(), and that of the link: returns when nothing of this runs any more.
  io::Task<> ended();

  /// Called after the members have changed, and once by start().
  void on_change(std::function<void()> fn) { changed_ = std::move(fn); }
  /// Called once, when the others go on without this controller.
  void on_removed(std::function<void()> fn) { removed_ = std::move(fn); }
  /// This controller expects to be removed soon: it looks more often.
  void expect_removal();

  const std::vector<cluster::Member>& members() const { return link_.members(); }
  const cluster::Member& self() const { return self_; }
  /// The others have a cluster without this one, which waits to be added.
  bool is_stranger() const { return is_stranger_; }
  bool votes(std::uint64_t member) const;
  /// What those of the others say who can be reached, by their ids.
  io::Task<std::map<std::uint64_t, LogFacts>> ask_all();
  /// Ids of the others who vote.
  std::vector<std::uint64_t> other_voters() const;
  /// The only one that votes, as far as it is known.
  bool is_alone() const;

 private:
  io::Task<> ask(std::uint64_t member, io::OneShot<Result<LogFacts>> done);
  /// From now on asks those, too, whom others have as members: they may have come since this configuration was written.
  void learn(const std::map<std::uint64_t, LogFacts>& told);
  void follow_log();
  io::Task<> look();
  io::Task<> look_whether_removed();
  io::Task<> promote();
  void end();

  io::Loop& loop_;
  cluster::Link& link_;
  replog::Log& log_;
  const std::vector<cluster::Member> configured_;
  cluster::Member self_;
  std::function<void()> changed_, removed_;
  io::Timer timer_;
  bool looking_ = false, was_member_ = false, is_stranger_ = false, stopping_ = false;
  std::uint64_t goal_ = 0;  // entries that a new member must have applied to vote
};

}  // namespace flurm::ctld
