// cli/layout.cpp — see layout.hpp.
#include "cli/layout.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

#include "cli/local.hpp"
#include "conf/lines.hpp"
#include "conf/values.hpp"
#include "exec/fd.hpp"

namespace flurm::cli {
namespace {

namespace fs = std::filesystem;

sockaddr_in socket_address(std::uint16_t port, const std::string& host) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

Result<void> make_folder(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return fail(Errc::io, "cannot create {}: {}", path, std::strerror(errno));
  // The umask must not hide the cluster from the users it is for.
  if (chmod(path.c_str(), mode) != 0) return fail(Errc::io, "cannot change {}: {}", path, std::strerror(errno));
  return {};
}

}  // namespace

std::string controller_name(const Settings& settings, int i) {
  return settings.controllers == 1 ? "flurmctld" : "ctl" + std::to_string(i);
}

std::string loopback_address(int i) { return "127.0.0." + std::to_string(i); }

std::string default_local_dir() {
  if (geteuid() == 0) return "/var/lib/flurm/local";
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && state[0] == '/')
    return std::string(state) + "/flurm/local";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "/tmp") + "/.local/state/flurm/local";
}

Result<Layout> open_layout(const std::string& dir, bool create) {
  const std::string wanted = dir.empty() ? default_local_dir() : dir;
  std::error_code error;
  if (create) fs::create_directories(wanted, error);
  if (error) return fail(Errc::io, "cannot create {}: {}", wanted, error.message());
  const fs::path absolute = fs::canonical(wanted, error);
  if (error) return fail(Errc::io, "no cluster in {}; start one with: flurm local up --dir {}", wanted, wanted);
  Layout layout{absolute.string()};
  if (layout.munge_socket().size() >= sizeof(sockaddr_un{}.sun_path))
    return fail(Errc::io, "{} is too long a path for MUNGE's socket; choose a shorter one with --dir", layout.dir);
  if (layout.dir.find_first_of(" \t\n\"#\\,") != std::string::npos)
    return fail(Errc::io, "{} holds characters that slurm.conf cannot; choose another folder with --dir", layout.dir);
  return layout;
}

Result<void> create_folders(const Layout& layout, const Settings& settings) {
  FLURM_TRY(const User owner, find_user(settings.slurm_user));
  if (auto done = make_folder(layout.dir, 0755); !done) return done;
  for (const char* name : {"etc", "munge", "log", "run", "spool", "state"}) {
    const std::string path = layout.dir + "/" + name;
    const std::string_view folder = name;
    if (auto done = make_folder(path, folder == "state" ? 0700 : 0755); !done) return done;
    if (folder == "log" || folder == "run" || folder == "state")
      if (owner.uid != geteuid() && chown(path.c_str(), owner.uid, owner.gid) != 0)
        return fail(Errc::io, "cannot give {} to {}: {}", path, owner.name, std::strerror(errno));
  }
  for (int i = 1; i <= settings.nodes; ++i)
    if (auto done = make_folder(layout.dir + "/spool/n" + std::to_string(i), 0755); !done) return done;
  return {};
}

Result<Settings> load_settings(const Layout& layout) {
  auto text = exec::read_file(layout.settings(), 65536);
  if (!text) return fail(Errc::io, "no cluster in {}; start one with: flurm local up --dir {}", layout.dir, layout.dir);
  Settings settings;
  std::vector<conf::Diagnostic> problems;
  auto none = [](const std::string&) -> Result<std::string> { return fail(Errc::io, "not here"); };
  for (const conf::Line& line : conf::read_lines(*text, layout.settings(), none, problems).lines) {
    const auto& [key, value] = line.pairs[0];
    if (key == "SlurmUser") settings.slurm_user = value;
    if (key == "Accounting") settings.dbd = value == "yes";
    if (key == "Controllers") settings.controllers = static_cast<int>(conf::parse_number(value, 1, 7).value_or(0));
    if (key == "Nodes") settings.nodes = static_cast<int>(conf::parse_number(value, 1, 1000).value_or(0));
    if (key == "FirstPort")
      settings.first_port = static_cast<std::uint16_t>(conf::parse_number(value, 1, 65535).value_or(0));
  }
  if (!problems.empty() || settings.nodes == 0 || settings.controllers == 0 || settings.first_port == 0 || settings.slurm_user.empty())
    return fail(Errc::corrupt, "{} is damaged; delete it and run `flurm local up` again", layout.settings());
  return settings;
}

Result<void> save_settings(const Layout& layout, const Settings& settings) {
  return exec::replace_file(layout.settings(),
                            fmt::format("# Written by `flurm local up`.\nControllers={}\nNodes={}\nFirstPort={}\nSlurmUser={}\nAccounting={}\n",
                                        settings.controllers, settings.nodes, settings.first_port, settings.slurm_user,
                                        settings.dbd ? "yes" : "no"),
                            0644);
}

bool port_free(std::uint16_t port, const std::string& host) {
  const exec::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = socket_address(port, host);
  return bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && listen(fd.get(), 1) == 0;
}

bool port_answers(std::uint16_t port, const std::string& host) {
  const exec::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = socket_address(port, host);
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

namespace {

/// Takes a name that no other process has until this one ends: two clusters that begin in the same moment must not
/// choose the same ports.
bool reserve_ports(int first) {
  static std::set<int> ours;
  if (ours.contains(first)) return true;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("flurm local, ports from {}", first);
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1);  // after a zero: a name that is no file
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) {
    ours.insert(first);
    return true;
  }
  close(fd);
  return false;
}

}  // namespace

Result<std::uint16_t> choose_ports(const Layout& layout) {
  // Below the kernel's range for outgoing connections (32768 and up), or one of those could be in the way.
  constexpr int kFirst = 12000, kBlocks = 20;
  std::uint64_t hash = 14695981039346656037U;
  for (char c : layout.dir) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  for (int i = 0; i < kBlocks; ++i) {
    const auto port = static_cast<std::uint16_t>(
        kFirst + static_cast<int>((hash + static_cast<unsigned>(i)) % kBlocks) * kPortsPerCluster);
    bool free = true;
    for (std::uint16_t offset = 0; free && offset < 8; ++offset)
      free = port_free(static_cast<std::uint16_t>(port + offset));
    // Also that of an accounting daemon: Slurm's takes its time to end, and the next cluster may be begun meanwhile.
    for (const int offset : {kLinkPortOffset, kHttpPortOffset, kDbdPortOffset})
      free = free && port_free(static_cast<std::uint16_t>(port + offset));
    if (free && reserve_ports(port)) return port;
  }
  return fail(Errc::io, "no free ports between {} and {}", kFirst, kFirst + kBlocks * kPortsPerCluster);
}

Result<FolderLock> FolderLock::take(const Layout& layout) {
  const int fd = open(layout.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Errc::io, "cannot open {}: {}", layout.lock(), std::strerror(errno));
  FolderLock lock(fd);
  if (flock(fd, LOCK_EX) != 0) return fail(Errc::io, "cannot lock {}: {}", layout.lock(), std::strerror(errno));
  return lock;
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) close(fd_);
}

Result<User> find_user(const std::string& name) {
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) return fail(Errc::user_id_missing, "no user named {} on this machine", name);
  return User{entry->pw_name, entry->pw_uid, entry->pw_gid};
}

User current_user() {
  const passwd* entry = getpwuid(geteuid());
  return {entry != nullptr ? entry->pw_name : std::to_string(geteuid()), geteuid(), getegid()};
}

}  // namespace flurm::cli
