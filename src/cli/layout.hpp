// cli/layout.hpp — where a local cluster keeps its things, and what stays the same from one `up` to the next.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace flurm::cli {

/// Paths below the cluster's folder.
struct Layout {
  std::string dir;  ///< absolute

  std::string slurm_conf() const { return dir + "/etc/slurm.conf"; }
  std::string flurm_conf() const { return dir + "/etc/flurm.conf"; }
  std::string settings() const { return dir + "/etc/local.conf"; }
  std::string extra() const { return dir + "/etc/extra.conf"; }
  std::string munge(const std::string& name) const { return dir + "/munge/" + name; }
  std::string munge_socket() const { return munge("socket"); }
  /// What the daemon writes by itself, and what it writes to standard output and error.
  std::string output(const std::string& process) const { return dir + "/log/" + process + ".out"; }
  std::string log(const std::string& process) const { return dir + "/log/" + process + ".log"; }
  std::string record(const std::string& process) const { return dir + "/run/" + process + ".process"; }
  std::string lock() const { return dir + "/lock"; }
  std::string slurmdbd_conf() const { return dir + "/etc/slurmdbd.conf"; }
  /// The controllers' shared secret.
  std::string cookie() const { return dir + "/etc/cookie"; }
  /// A controller's log and snapshots.
  std::string raft(const std::string& process) const { return dir + "/state/" + (process == "flurmctld" ? "ra" : process); }
};

/// Kept in etc/local.conf.
struct Settings {
  int nodes = 3;
  int controllers = 1;
  std::uint16_t first_port = 0;  ///< the controllers'; the nodes' follow
  std::string slurm_user;
  bool dbd = false;  ///< with an accounting daemon
};

inline constexpr int kPortsPerCluster = 1024;  ///< the controllers', up to 1000 nodes', the link's, HTTP's, accounting's
inline constexpr int kLinkPortOffset = 1001, kHttpPortOffset = 1002, kDbdPortOffset = 1003;

/// Several controllers are ctl1, ctl2, ... on 127.0.0.1, 127.0.0.2, ... with the same ports; a single one has no name of
/// its own.
std::string controller_name(const Settings& settings, int i);
std::string loopback_address(int i);

/// The folder as an absolute path without links. With `create`, it and its subfolders are made; they belong to
/// `slurm_user` where the controller writes. Errors: io, with what to do.
Result<Layout> open_layout(const std::string& dir, bool create);
Result<void> create_folders(const Layout& layout, const Settings& settings);

Result<Settings> load_settings(const Layout& layout);
Result<void> save_settings(const Layout& layout, const Settings& settings);

/// The first of kPortsPerCluster ports for a new cluster: the same for the same folder unless something listens there.
/// Errors: io when every block of ports has a listener.
Result<std::uint16_t> choose_ports(const Layout& layout);
/// True when nothing listens on the port of `address`.
bool port_free(std::uint16_t port, const std::string& address = "127.0.0.1");
/// True when a connection to the port of `address` is accepted.
bool port_answers(std::uint16_t port, const std::string& address = "127.0.0.1");

/// Keeps other `flurm local` commands for the same folder waiting while it lives.
class FolderLock {
 public:
  static Result<FolderLock> take(const Layout& layout);
  FolderLock(FolderLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};
/// Errors: uid_not_found with the name.
Result<User> find_user(const std::string& name);
User current_user();

}  // namespace flurm::cli
