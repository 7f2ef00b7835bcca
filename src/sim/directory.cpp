// sim/directory.cpp — replog's look at a log's directory: here a machine has one disk, and what is on it is sound.
#include "replog/directory.hpp"

#include "sim/world.hpp"

namespace flurm::replog {
namespace {

sim::Disk& disk() { return sim::World::the().current()->machine->disk; }

}  // namespace

Result<void> DirectoryLock::take(const std::string&) { return {}; }
void DirectoryLock::release() {}

Result<bool> directory_is_made(const std::string&) {
  if (disk().made) return true;
  // An interrupted making: nothing was acknowledged yet.
  disk() = {.full = disk().full, .sync_us_max = disk().sync_us_max};
  return false;
}
Result<void> mark_directory_made(const std::string& directory, std::uint64_t member, bool joining) {
  if (disk().full) return fail(Errc::io, "{}: no space left on device", directory);
  disk().made = true;
  disk().owner = member;
  disk().joining = joining;
  return {};
}
bool directory_is_joining(const std::string&) { return disk().made && disk().joining; }
std::optional<std::uint64_t> directory_owner(const std::string&) {
  if (!disk().made) return std::nullopt;
  return disk().owner;
}
Result<void> check_directory(const std::string&) { return {}; }
std::string newest_snapshot(const std::string&, std::uint64_t* raft_index) {
  if (!disk().snapshot) return {};
  if (raft_index) *raft_index = disk().snapshot->index;
  return "snapshot";
}
Result<void> check_space(const std::string& directory, std::size_t) {
  if (disk().full) return fail(Errc::io, "{}: no space left on device", directory);
  return {};
}

}  // namespace flurm::replog
