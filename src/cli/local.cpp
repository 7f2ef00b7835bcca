// cli/local.cpp — up, env, status and down of a cluster on this machine.
#include "cli/local.hpp"

#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "cli/layout.hpp"
#include "cli/local_conf.hpp"
#include "cli/processes.hpp"
#include "conf/slurm_conf.hpp"
#include "exec/fd.hpp"

namespace flurm::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kInstall = "on Debian: apt-get install munge slurm-client";
/// A daemon that lives is given this long to listen, and nodes to register: a machine may be slow.
constexpr std::chrono::seconds kPatience = 60s;

std::string node_name(int i) { return "n" + std::to_string(i); }

/// munged, the accounting daemon, controllers, nodes: in the order in which they start.
std::vector<Daemon> daemons(const Layout& layout, const Settings& settings) {
  std::vector<Daemon> out;
  out.push_back({"munged",
                 {"munged", "--foreground", "--force", "--key-file=" + layout.munge("key"),
                  "--socket=" + layout.munge_socket(), "--pid-file=" + layout.munge("pid"),
                  "--log-file=" + layout.munge("log"), "--seed-file=" + layout.munge("seed"), "--origin=127.0.0.1"},
                 {}});
  const auto owner = find_user(settings.slurm_user);
  if (settings.dbd) {
    Daemon daemon{"flurmdbd",
                  {"flurmdbd", "-D"},
                  owner ? std::optional<User>(*owner) : std::nullopt,
                  static_cast<std::uint16_t>(settings.first_port + kDbdPortOffset)};
    daemon.environment = {{"SLURM_CONF", layout.slurm_conf()}};  // its configuration is beside that
    out.push_back(std::move(daemon));
  }
  for (int i = 1; i <= settings.controllers; ++i) {
    Daemon daemon{controller_name(settings, i),
                  {"flurmctld", "-D", "-f", layout.slurm_conf()},
                  owner ? std::optional<User>(*owner) : std::nullopt,
                  settings.first_port};
    daemon.is_controller = true;
    if (settings.controllers > 1) {
      daemon.address = loopback_address(i);
      daemon.link_port = static_cast<std::uint16_t>(settings.first_port + kLinkPortOffset);
      daemon.environment = {{"FLURM_NODE_NAME", daemon.name}, {"FLURM_RA_DATA_DIR", layout.raft(daemon.name)}};
    }
    out.push_back(std::move(daemon));
  }
  for (int i = 1; i <= settings.nodes; ++i)
    out.push_back({node_name(i),
                   {"flurmnd", "-D", "-f", layout.slurm_conf(), "-N", node_name(i)},
                   {},
                   static_cast<std::uint16_t>(settings.first_port + i)});
  return out;
}

Result<std::string> random_key(std::size_t bytes) {
  std::string key(bytes, '\0');
  for (std::size_t at = 0; at < key.size(); at += 256) {
    const std::size_t piece = std::min<std::size_t>(256, key.size() - at);
    if (getrandom(key.data() + at, piece, 0) != static_cast<ssize_t>(piece))
      return fail(Errc::io, "no random bytes from the kernel");
  }
  return key;
}

Result<void> make_munge_key(const Layout& layout) {
  if (access(layout.munge("key").c_str(), F_OK) == 0) return {};
  FLURM_TRY(const std::string key, random_key(1024));
  return exec::replace_file(layout.munge("key"), key, 0400);
}

/// The controllers' shared secret, which they read as the user they become.
Result<void> make_cookie(const Layout& layout, const Settings& settings) {
  if (settings.controllers == 1 || access(layout.cookie().c_str(), F_OK) == 0) return {};
  FLURM_TRY(const std::string bytes, random_key(32));
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  if (auto done = exec::replace_file(layout.cookie(), text + "\n", 0600); !done) return done;
  FLURM_TRY(const User owner, find_user(settings.slurm_user));
  if (owner.uid != geteuid() && chown(layout.cookie().c_str(), owner.uid, owner.gid) != 0)
    return fail(Errc::io, "cannot give {} to {}: {}", layout.cookie(), owner.name, std::strerror(errno));
  return {};
}

std::string host_name() {
  char name[256] = "localhost";
  gethostname(name, sizeof name - 1);
  return std::string(name).substr(0, std::string_view(name).find('.'));
}

/// Writes the files that daemons and clients read. Refuses to change them under running daemons.
Result<void> write_conf(const Layout& layout, const Settings& settings, bool running) {
  const std::string extra = exec::read_file(layout.extra(), conf::kConfTextMax).value_or("");
  const std::string text = local_slurm_conf(layout, settings, host_name(), extra);
  std::vector<conf::Diagnostic> problems;
  auto read = [](const std::string& path) { return exec::read_file(path, conf::kConfTextMax); };
  auto good = conf::parse_slurm_conf(text, layout.slurm_conf(), read, problems);
  for (const conf::Diagnostic& problem : problems) std::fprintf(stderr, "%s\n", conf::to_string(problem).c_str());
  const auto old = exec::read_file(layout.slurm_conf(), conf::kConfTextMax);
  if (running && old && *old != text)
    return fail(Errc::io, "the cluster runs with another configuration; stop it first: flurm local down --dir {}",
                layout.dir);
  if (auto done = exec::replace_file(layout.slurm_conf(), text, 0644); !done) return done;
  if (!good) return fail(Errc::einval, "{} cannot be used: the problems are above", layout.slurm_conf());
  if (auto done = exec::replace_file(layout.flurm_conf(), local_flurm_conf(layout, settings), 0644); !done) return done;
  if (!settings.dbd) return {};
  const std::string dbd_extra = exec::read_file(layout.dir + "/etc/slurmdbd.extra", conf::kConfTextMax).value_or("");
  if (auto done = exec::replace_file(layout.slurmdbd_conf(), local_slurmdbd_conf(layout, settings, dbd_extra), 0600); !done)
    return done;
  if (geteuid() != 0) return {};
  FLURM_TRY(const User owner, find_user(settings.slurm_user));
  if (chown(layout.slurmdbd_conf().c_str(), owner.uid, owner.gid) != 0)
    return fail(Errc::io, "cannot give {} to {}", layout.slurmdbd_conf(), owner.name);
  return {};
}

/// Settings from the folder, changed as the options say.
Result<Settings> settings_for(const Layout& layout, const LocalOptions& options) {
  Settings settings;
  const bool known = access(layout.settings().c_str(), F_OK) == 0;
  if (known) {
    FLURM_TRY(settings, load_settings(layout));
  } else {
    FLURM_TRY(settings.first_port, choose_ports(layout));
    settings.slurm_user = geteuid() != 0 ? current_user().name : find_user("slurm") ? "slurm" : "root";
  }
  if (options.nodes) settings.nodes = *options.nodes;
  if (options.controllers && *options.controllers != settings.controllers) {
    if (known)
      return fail(Errc::einval, "the cluster in {} has {} controller{}; choose another folder with --dir", layout.dir,
                  settings.controllers, settings.controllers == 1 ? "" : "s");
    settings.controllers = *options.controllers;
  }
  settings.dbd |= options.dbd;
  if (!options.slurm_user.empty()) {
    if (geteuid() != 0 && options.slurm_user != current_user().name)
      return fail(Errc::eperm, "only root can choose another user for the controller");
    settings.slurm_user = options.slurm_user;
  }
  FLURM_TRY(const User user, find_user(settings.slurm_user));
  (void)user;
  return settings;
}

/// Waits until `ready`, as long as the daemon lives and the deadline has not come.
template <class Ready>
Result<void> wait_for(const Layout& layout, const Daemon& daemon, std::chrono::seconds patience, Ready ready) {
  const auto deadline = Clock::now() + patience;
  while (!ready()) {
    if (!daemon_pid(layout, daemon.name))
      return fail(Errc::io, "{} ended at once; it says:\n{}", daemon.name, log_tail(layout, daemon.name));
    if (Clock::now() > deadline)
      return fail(Errc::io, "{} did not get ready in {} s; it says:\n{}", daemon.name, patience.count(),
                  log_tail(layout, daemon.name));
    pause_briefly();
  }
  return {};
}

bool munge_ready(const Layout& layout) {
  struct stat info {};
  return stat(layout.munge_socket().c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

/// A daemon that was killed a moment ago holds its port until the last of its threads is gone.
bool port_gets_free(const Daemon& daemon) {
  const auto deadline = Clock::now() + 3s;
  while (!port_free(daemon.port, daemon.address) || (daemon.link_port && !port_free(daemon.link_port, daemon.address))) {
    if (Clock::now() > deadline) return false;
    pause_briefly();
  }
  return true;
}

Result<void> wait_for_ports(const Layout& layout, const std::vector<Daemon>& all, bool controllers_only) {
  for (const Daemon& daemon : all) {
    if (daemon.port == 0 || (controllers_only && !daemon.is_controller)) continue;
    auto ready = wait_for(layout, daemon, kPatience, [&] { return port_answers(daemon.port, daemon.address); });
    if (!ready) return ready;
  }
  return {};
}

Result<void> start_all(const Layout& layout, const std::vector<Daemon>& all) {
  for (const Daemon& daemon : all) {
    if (daemon_pid(layout, daemon.name)) continue;
    if (daemon.port != 0 && !port_gets_free(daemon))
      return fail(
          Errc::io,
          "port {}:{} of {} is taken by another program; stop that, or start a cluster in another folder with --dir",
          daemon.address, daemon.port, daemon.name);
    if (daemon.name == "munged") unlink(layout.munge_socket().c_str());
    if (auto done = start_daemon(layout, daemon); !done) return done;
    // All need MUNGE. Controllers start side by side, for they need each other; so do the nodes, which register with them.
    if (daemon.name == "munged")
      if (auto ready = wait_for(layout, daemon, 10s, [&] { return munge_ready(layout); }); !ready) return ready;
    // A controller that finds no accounting daemon at its first start gives up.
    if (daemon.name == "flurmdbd")
      if (auto ready = wait_for(layout, daemon, kPatience, [&] { return port_answers(daemon.port, daemon.address); }); !ready)
        return ready;
    const bool last_controller = daemon.is_controller && (&daemon == &all.back() || !(&daemon + 1)->is_controller);
    if (last_controller)
      if (auto ready = wait_for_ports(layout, all, true); !ready) return ready;
  }
  return wait_for_ports(layout, all, false);
}

/// Waits until the controller has all nodes ready for work. Without Slurm's clients, ports that answer must do.
Result<void> wait_for_nodes(const Layout& layout, const Settings& settings, const std::vector<Daemon>& all) {
  if (auto sinfo = find_program("sinfo", kInstall); !sinfo) {
    std::fprintf(stderr, "flurm: %s\n", sinfo.error().text.c_str());
    return {};
  }
  std::string seen;
  const auto deadline = Clock::now() + kPatience;
  for (;;) {
    seen = run_client(layout, {"sinfo", "-hN", "-n", fmt::format("n[1-{}]", settings.nodes), "-o", "%N %T"}, 5s);
    std::vector<std::string> ready;
    for (std::string_view line : conf::split_list(seen, "\n")) {
      const auto words = conf::split_list(line, " ");
      const bool good = words.size() == 2 && (words[1] == "idle" || words[1] == "mixed" || words[1] == "allocated");
      if (good && std::ranges::find(ready, words[0]) == ready.end()) ready.emplace_back(words[0]);
    }
    if (ready.size() == static_cast<std::size_t>(settings.nodes)) return {};
    for (const Daemon& daemon : all)
      if (!daemon_pid(layout, daemon.name))
        return fail(Errc::io, "{} ended; it says:\n{}", daemon.name, log_tail(layout, daemon.name));
    if (Clock::now() > deadline) break;
    pause_briefly();
  }
  return fail(Errc::io, "not all nodes became idle in {} s; sinfo says:\n{}and the controller:\n{}", kPatience.count(), seen,
              log_tail(layout, controller_name(settings, 1)));
}

}  // namespace

Result<void> local_up(const LocalOptions& options) {
  const auto begin = Clock::now();
  FLURM_TRY(const Layout layout, open_layout(options.dir, true));
  FLURM_TRY(const FolderLock lock, FolderLock::take(layout));
  FLURM_TRY(const Settings settings, settings_for(layout, options));
  if (auto done = create_folders(layout, settings); !done) return done;
  if (!options.conf_extra.empty()) {
    FLURM_TRY(const std::string extra, exec::read_file(options.conf_extra, conf::kConfTextMax));
    if (auto done = exec::replace_file(layout.extra(), extra, 0644); !done) return done;
  }
  const auto all = daemons(layout, settings);
  for (const Daemon& daemon : all) {
    auto found = find_program(daemon.argv[0], daemon.name == "munged" ? kInstall : "build or install FLURM completely");
    if (!found) return fail(found.error());
  }
  const auto running = static_cast<std::size_t>(
      std::ranges::count_if(all, [&](const Daemon& daemon) { return daemon_pid(layout, daemon.name).has_value(); }));
  if (auto done = write_conf(layout, settings, running > 0); !done) return done;
  if (auto done = save_settings(layout, settings); !done) return done;
  if (auto done = make_munge_key(layout); !done) return done;
  if (auto done = make_cookie(layout, settings); !done) return done;
  if (auto done = start_all(layout, all); !done) return done;
  if (auto done = wait_for_nodes(layout, settings, all); !done) return done;

  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (running == all.size())
    std::printf("The cluster in %s was running already: %d nodes.\n", layout.dir.c_str(), settings.nodes);
  else
    std::printf("The cluster in %s is up after %.1f s: %d controller%s on port %d, %d node%s.\n", layout.dir.c_str(),
                seconds, settings.controllers, settings.controllers == 1 ? "" : "s", settings.first_port,
                settings.nodes, settings.nodes == 1 ? "" : "s");
  return {};
}

Result<void> local_env(const LocalOptions& options) {
  FLURM_TRY(const Layout layout, open_layout(options.dir, false));
  FLURM_TRY(const Settings settings, load_settings(layout));
  (void)settings;
  std::printf("export SLURM_CONF=%s\n", layout.slurm_conf().c_str());
  return {};
}

int local_status(const LocalOptions& options) {
  auto layout = open_layout(options.dir, false);
  auto settings = layout ? load_settings(*layout) : Result<Settings>(fail(layout.error()));
  if (!settings) {
    std::fprintf(stderr, "flurm: %s\n", settings.error().text.c_str());
    return 1;
  }
  bool all_run = true;
  std::printf("cluster   %s\n", layout->dir.c_str());
  for (const Daemon& daemon : daemons(*layout, *settings)) {
    const auto pid = daemon_pid(*layout, daemon.name);
    all_run = all_run && pid;
    const std::string port = daemon.port == 0                   ? ""
                             : daemon.address == "127.0.0.1" ? fmt::format("  port {}", daemon.port)
                                                             : fmt::format("  port {}:{}", daemon.address, daemon.port);
    std::printf("%-9s %s%s\n", daemon.name.c_str(), pid ? fmt::format("running  pid {}", *pid).c_str() : "stopped",
                port.c_str());
  }
  return all_run ? 0 : 3;
}

Result<std::vector<Environment>> stopped_controllers(const std::string& dir) {
  FLURM_TRY(const Layout layout, open_layout(dir, false));
  FLURM_TRY(const Settings settings, load_settings(layout));
  std::vector<Environment> out;
  for (const Daemon& daemon : daemons(layout, settings)) {
    if (!daemon.is_controller) continue;
    if (daemon_pid(layout, daemon.name))
      return fail(Errc::einval, "{} runs; stop the cluster first: flurm local down --dir {}", daemon.name, layout.dir);
    out.push_back(daemon.environment);
  }
  return out;
}

Result<void> local_down(const LocalOptions& options) {
  FLURM_TRY(const Layout layout, open_layout(options.dir, false));
  FLURM_TRY(const Settings settings, load_settings(layout));
  FLURM_TRY(const FolderLock lock, FolderLock::take(layout));
  // The controllers first: they must not see their nodes go and write that down as a failure.
  const auto all = daemons(layout, settings);
  for (const Daemon& daemon : all)
    if (auto pid = daemon_pid(layout, daemon.name); pid && daemon.is_controller) kill(*pid, SIGTERM);
  for (const Daemon& daemon : all)
    if (daemon.is_controller) stop_daemon(layout, daemon.name, 5s);
  for (const Daemon& daemon : all)
    if (auto pid = daemon_pid(layout, daemon.name); pid && daemon.name != "munged") kill(*pid, SIGTERM);
  for (const Daemon& daemon : all)
    if (daemon.name != "munged") stop_daemon(layout, daemon.name, 3s);
  stop_daemon(layout, "munged", 2s);
  const auto left = kill_processes(layout, 10s);
  for (const Daemon& daemon : all) unlink(layout.record(daemon.name).c_str());
  if (!left.empty()) return fail(Errc::io, "{} processes do not end, the first is {}", left.size(), left[0]);
  std::printf("The cluster in %s is down; its state is kept.\n", layout.dir.c_str());
  return {};
}

}  // namespace flurm::cli
