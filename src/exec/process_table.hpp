// exec/process_table.hpp — what /proc says about processes.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace flurm::exec {

struct ProcessInfo {
  pid_t pid = 0, parent = 0, group = 0, session = 0;
  char state = '?';               ///< 'Z' is a zombie
  std::uint64_t start_ticks = 0;  ///< since boot; with the pid it names a process for good
  std::uint64_t user_ticks = 0, system_ticks = 0;
  std::uint64_t rss_bytes = 0, virtual_bytes = 0;
  std::uint64_t major_faults = 0;  ///< pages that had to be read in, also by children that were waited for
  unsigned cpu = 0;                ///< on which it ran last
};

/// What a process, and children that it has waited for, have read and written by system calls, wherever to; zeros where
/// the kernel does not say. Of a zombie, too.
struct ProcessIo {
  std::uint64_t read_bytes = 0, written_bytes = 0;
};
ProcessIo process_io(pid_t pid);

/// How fast a CPU runs: kHz where the kernel scales frequencies, else the MHz of /proc/cpuinfo, which are those of the
/// first; 0 where it does not say. (Slurm's unit is as mixed: slurm 22.05 jobacct_gather/common.)
std::uint32_t cpu_frequency(unsigned cpu);

std::optional<ProcessInfo> process_info(pid_t pid);

/// All living descendants of `root`, without itself and without zombies: one scan of /proc, so what is forked
/// meanwhile may be missing.
std::vector<ProcessInfo> descendants(pid_t root);

/// Clock ticks per second, the unit of the tick counts above.
std::uint64_t ticks_per_second();

}  // namespace flurm::exec
