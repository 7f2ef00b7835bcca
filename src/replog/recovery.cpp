// replog/recovery.cpp — see recovery.hpp.
#include "replog/recovery.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/loop.hpp"
#include "replog/directory.hpp"
#include "replog/history.hpp"
#include "replog/raft_node.hpp"

namespace flurm::replog {
namespace {

/// Nobody's state machine: the entries are looked at by read_entries().
class Ignored final : public RaftNode::Events {
 public:
  bool apply(std::string_view) override { return true; }
  bool restore(std::string_view) override { return true; }
  bool begin_snapshot() override { return false; }
  std::string make_snapshot() override { return {}; }
  void end_snapshot() override {}
  void write_failed(bool, std::string) override {}
  void state_changed() override {}
  void members_changed() override {}
};

io::Task<> close(RaftNode& node, io::Loop& loop) {
  auto closing = node.close();
  co_await closing;
  loop.stop();
}

/// Opens the log as it is, does `what` with it, and closes it.
template <class What>
Result<void> with_node(const std::string& directory, std::uint64_t self, What what) {
  io::Loop loop;
  Ignored ignored;
  const RaftOptions options{.directory = directory, .self = self, .members = {}, .transport = nullptr};
  RaftNode node(loop, options, ignored);
  Result<void> done = what(node);
  io::spawn(close(node, loop));
  loop.run();
  return done;
}

Result<std::uint64_t> check(const std::string& directory) {
  const auto self = directory_owner(directory);
  if (!self) return fail(Errc::einval, "{}: there is no log", directory);
  if (directory_is_joining(directory))
    return fail(Errc::einval, "{}: its controller was new and knows too little", directory);
  FLURM_TRY_VOID(check_directory(directory));
  return *self;
}

Result<Survivor> look(const std::string& directory) {
  Survivor survivor;
  FLURM_TRY(survivor.self, check(directory));
  FLURM_TRY(const auto snapshot, read_snapshot(directory, ~std::uint64_t{0}));
  if (snapshot) survivor.last = snapshot->link.index;
  FLURM_TRY_VOID(read_entries(directory, snapshot ? snapshot->link : Link{},
                              [&](std::uint64_t index, std::string_view) -> Result<bool> {
                                survivor.last = index;
                                return true;
                              }));
  FLURM_TRY_VOID(with_node(directory, survivor.self, [&](RaftNode& node) -> Result<void> {
    FLURM_TRY_VOID(node.start(false));
    survivor.members = node.members();
    return {};
  }));
  return survivor;
}

/// The controller runs as the directory's owner, whoever recovers.
Result<void> give_to_owner(const std::string& directory) {
  struct stat owner {};
  if (stat(directory.c_str(), &owner) != 0) return fail(Errc::io, "{}: {}", directory, std::strerror(errno));
  for (const std::string& name : names_in(directory)) {
    const std::string path = directory + "/" + name;
    if (lchown(path.c_str(), owner.st_uid, owner.st_gid) != 0)
      return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  }
  return {};
}

}  // namespace

Result<Survivor> look_at_survivor(const std::string& directory) {
  FLURM_TRY_VOID(check(directory));  // before the lock makes a directory
  DirectoryLock lock;
  FLURM_TRY_VOID(lock.take(directory));
  Result<Survivor> survivor = look(directory);
  FLURM_TRY_VOID(give_to_owner(directory));
  return survivor;
}

Result<void> recover_alone(const std::string& directory) {
  FLURM_TRY_VOID(check(directory));
  DirectoryLock lock;
  FLURM_TRY_VOID(lock.take(directory));
  FLURM_TRY(const Survivor survivor, look(directory));
  const auto own = std::ranges::find(survivor.members, survivor.self, &Member::id);
  if (own == survivor.members.end())
    return fail(Errc::einval, "{}: its controller was removed from the cluster", directory);
  if (own->votes && std::ranges::count(survivor.members, true, &Member::votes) == 1)
    return fail(Errc::einval, "{}: its controller is the only one that counts; just start it", directory);
  const Member alone{own->id, own->address, true};
  FLURM_TRY_VOID(with_node(directory, survivor.self, [&](RaftNode& node) { return node.recover({alone}); }));
  return give_to_owner(directory);
}

Result<std::string> begin_anew(const std::string& directory) {
  if (std::ranges::none_of(names_in(directory), [](const std::string& name) { return name != "lock"; }))
    return fail(Errc::einval, "{}: there is no log", directory);
  DirectoryLock lock;
  FLURM_TRY_VOID(lock.take(directory));
  FLURM_TRY(std::string kept, set_aside(directory));
  FLURM_TRY_VOID(give_to_owner(directory));
  return kept;
}

}  // namespace flurm::replog
