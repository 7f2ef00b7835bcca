// sim/disk.hpp — what a machine's disk holds of the log, and how well it works.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace flurm::sim {

struct Disk {
  struct Entry {
    std::uint64_t term = 0;
    unsigned short type = 0;
    std::string bytes;
  };
  /// Ids, addresses and roles of a configuration of the log.
  struct Server {
    std::uint64_t id = 0;
    std::string address;
    int role = 0;
  };
  struct Snapshot {
    std::uint64_t index = 0, term = 0, configuration_index = 0;
    std::vector<Server> configuration;
    std::string bytes;
  };

  std::uint64_t term = 0, vote = 0;
  std::uint64_t first_index = 1;  ///< of entries[0]
  std::vector<Entry> entries;
  std::optional<Snapshot> snapshot;
  bool made = false;        ///< the marker is there
  bool joining = false;     ///< and says that the log may still be as good as empty
  std::uint64_t owner = 0;  ///< the member it is of

  bool full = false;                ///< writes fail
  std::uint64_t sync_us_max = 800;  ///< time of a write and its sync, at most; at least a tenth of it
};

}  // namespace flurm::sim
