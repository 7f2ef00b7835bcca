// cli/processes.cpp — see processes.hpp. Linux only: processes are looked up in /proc.
#include "cli/processes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <cstring>
#include <map>
#include <set>

#include "conf/lines.hpp"
#include "conf/values.hpp"
#include "exec/fd.hpp"
#include "exec/process_table.hpp"

namespace flurm::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// In the environment of every daemon we start, and so of what daemons start, but not of a shell that uses the cluster.
constexpr const char* kMark = "FLURM_LOCAL_DIR";

bool alive(const std::optional<exec::ProcessInfo>& info) { return info && info->state != 'Z' && info->state != 'X'; }

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return pids;
  while (const dirent* entry = readdir(proc))
    if (auto pid = conf::parse_number(entry->d_name, 1, INT32_MAX)) pids.push_back(static_cast<pid_t>(*pid));
  closedir(proc);
  return pids;
}

bool has_variable(const std::string& environment, const std::string& variable) {
  const auto at = environment.find(variable + '\0');
  return at != environment.npos && (at == 0 || environment[at - 1] == '\0');
}

bool has_name(const std::string& environment, const std::string& name) {
  return environment.starts_with(name + "=") || environment.find('\0' + name + "=") != environment.npos;
}

/// The child's side of start_daemon(); returns only when it fails, with errno set. `program` is open already: the user
/// we become may have no way to its folder, as with a build in root's home.
void become(const Layout& layout, const Daemon& daemon, const std::string& called, int program, int log, int null) {
  setsid();
  umask(022);
  if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) return;
  if (daemon.user && daemon.user->uid != geteuid())
    if (initgroups(daemon.user->name.c_str(), daemon.user->gid) != 0 || setgid(daemon.user->gid) != 0 ||
        setuid(daemon.user->uid) != 0)
      return;
  if (chdir(layout.dir.c_str()) != 0) return;
  setenv(kMark, layout.dir.c_str(), 1);
  for (const auto& [name, value] : daemon.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  for (const std::string& word : daemon.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  argv[0] = const_cast<char*>(called.c_str());
  fexecve(program, argv.data(), environ);
}

}  // namespace

void pause_briefly() { usleep(20000); }

Result<std::string> find_program(const std::string& program, std::string_view hint) {
  if (program.find('/') != program.npos) return program;
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  std::string path = length > 0 ? std::string(self, static_cast<std::size_t>(length)) : "";
  std::string folders = path.substr(0, path.rfind('/'));
  if (const char* env = std::getenv("PATH")) folders += ":" + std::string(env);
  folders += ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
  for (std::string_view folder : conf::split_list(folders, ":")) {
    std::string candidate = std::string(folder) + "/" + program;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return fail(Errc::io, "{} is not on this machine; {}", program, hint);
}

Result<void> start_daemon(const Layout& layout, const Daemon& daemon) {
  FLURM_TRY(const std::string program, find_program(daemon.argv[0], "build or install FLURM completely"));
  const exec::Fd log(open(layout.output(daemon.name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log) return fail(Errc::io, "cannot write {}: {}", layout.output(daemon.name), std::strerror(errno));
  if (daemon.user && daemon.user->uid != geteuid() && fchown(log.get(), daemon.user->uid, daemon.user->gid) != 0)
    return fail(Errc::io, "cannot give {} to {}: {}", layout.output(daemon.name), daemon.user->name,
                std::strerror(errno));
  const exec::Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::io, "cannot make a pipe: {}", std::strerror(errno));
  exec::Fd told(ends[0]), tell(ends[1]);
  const exec::Fd file(open(program.c_str(), O_PATH | O_CLOEXEC));
  if (!file) return fail(Errc::io, "cannot run {}: {}", program, std::strerror(errno));
  // A link to another program, Slurm's own for one, which goes by its name.
  std::error_code no_link;
  const auto target = std::filesystem::read_symlink(program, no_link);
  const std::string name = no_link ? daemon.argv[0] : target.filename().string();
  const pid_t child = fork();
  if (child < 0) return fail(Errc::io, "cannot start a process: {}", std::strerror(errno));
  if (child == 0) {
    become(layout, daemon, name, file.get(), log.get(), null.get());
    const int error = errno;
    (void)!write(tell.get(), &error, sizeof error);
    _exit(127);
  }
  tell.reset();
  int error = 0;
  if (read(told.get(), &error, sizeof error) > 0) {
    waitpid(child, nullptr, 0);
    return fail(Errc::io, "cannot run {}: {}", program, std::strerror(error));
  }
  const auto info = exec::process_info(child);
  return exec::replace_file(layout.record(daemon.name), fmt::format("{} {}\n", child, info ? info->start_ticks : 0),
                            0644);
}

std::optional<pid_t> daemon_pid(const Layout& layout, const std::string& name) {
  const std::string record = exec::read_small_file(layout.record(name));
  const auto words = conf::split_list(record, " \n");
  if (words.size() != 2) return std::nullopt;
  auto pid = conf::parse_number(words[0], 1, INT32_MAX);
  if (!pid) return std::nullopt;
  waitpid(static_cast<pid_t>(*pid), nullptr, WNOHANG);  // our own child when it was started by this very command
  const auto info = exec::process_info(static_cast<pid_t>(*pid));
  if (!alive(info) || std::to_string(info->start_ticks) != words[1]) return std::nullopt;
  return static_cast<pid_t>(*pid);
}

bool stop_daemon(const Layout& layout, const std::string& name, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  if (auto pid = daemon_pid(layout, name)) kill(*pid, SIGTERM);
  while (daemon_pid(layout, name)) {
    if (Clock::now() > deadline) return false;
    pause_briefly();
  }
  unlink(layout.record(name).c_str());
  return true;
}

namespace {

std::string link_target(pid_t pid, const char* name) {
  char target[PATH_MAX];
  const ssize_t n = readlink(fmt::format("/proc/{}/{}", pid, name).c_str(), target, sizeof target);
  std::string out(target, n > 0 ? static_cast<std::size_t>(n) : 0);
  constexpr std::string_view kDeleted = " (deleted)";
  if (out.ends_with(kDeleted)) out.resize(out.size() - kDeleted.size());
  return out;
}

/// A step's supervisor has a bare environment, but works in the folder that its node daemon works in.
bool is_supervisor(const Layout& layout, pid_t pid) {
  return link_target(pid, "exe").ends_with("/flurmstepd") && link_target(pid, "cwd") == layout.dir;
}

}  // namespace

std::vector<pid_t> cluster_processes(const Layout& layout, pid_t except) {
  const std::string mark = std::string(kMark) + "=" + layout.dir, conf = "SLURM_CONF=" + layout.slurm_conf();
  std::map<pid_t, std::vector<pid_t>> children;
  std::vector<pid_t> open;
  std::set<pid_t> found, ours{except};
  for (const pid_t pid : all_pids()) {
    const auto info = exec::process_info(pid);
    if (!alive(info)) continue;
    children[info->parent].push_back(pid);
    if (is_supervisor(layout, pid)) open.push_back(pid);
    auto environment = exec::read_file(fmt::format("/proc/{}/environ", pid), 4 << 20);
    if (!environment) continue;
    // A process of a job has left its family when its supervisor is gone; it still knows its job and the cluster.
    if (has_variable(*environment, mark) ||
        (has_variable(*environment, conf) && has_name(*environment, "SLURM_JOB_ID")))
      open.push_back(pid);
  }
  // Whoever called us is not part of the cluster, even from inside one of its jobs.
  for (pid_t pid = except; pid > 1;) {
    const auto info = exec::process_info(pid);
    if (!info) break;
    ours.insert(pid = info->parent);
  }
  while (!open.empty()) {
    const pid_t pid = open.back();
    open.pop_back();
    if (ours.contains(pid) || !found.insert(pid).second) continue;
    for (const pid_t child : children[pid]) open.push_back(child);
  }
  return {found.begin(), found.end()};
}

std::vector<pid_t> kill_processes(const Layout& layout, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  // A process in the middle of execve() shows no environment, so one empty look is not enough.
  for (int empty_looks = 0;;) {
    auto left = cluster_processes(layout, getpid());
    empty_looks = left.empty() ? empty_looks + 1 : 0;
    if (empty_looks == 3 || Clock::now() > deadline) return left;
    for (const pid_t pid : left) kill(pid, SIGKILL);
    pause_briefly();
  }
}

std::string log_tail(const Layout& layout, const std::string& name, int lines) {
  std::string out;
  for (const std::string& path : {layout.log(name), layout.output(name)}) {
    const std::string text = exec::read_file(path, 64 << 20).value_or("");
    if (text.empty()) continue;
    std::size_t at = text.size();
    for (int i = 0; i <= lines && at != text.npos && at > 0; ++i) at = text.rfind('\n', at - 1);
    out += fmt::format("{}:\n", path);
    for (std::string_view line : conf::split_list(std::string_view(text).substr(at == text.npos ? 0 : at), "\n"))
      out += fmt::format("  {}\n", line);
  }
  return out.empty() ? "  (nothing)\n" : out;
}

std::string run_client(const Layout& layout, const std::vector<std::string>& argv, std::chrono::milliseconds patience) {
  auto program = find_program(argv[0], "");
  int ends[2];
  if (!program || pipe2(ends, O_CLOEXEC) != 0) return "";
  exec::Fd from(ends[0]), to(ends[1]);
  const exec::Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  const pid_t child = fork();
  if (child < 0) return "";
  if (child == 0) {
    if (dup2(null.get(), 0) < 0 || dup2(to.get(), 1) < 0 || dup2(null.get(), 2) < 0) _exit(127);
    setenv("SLURM_CONF", layout.slurm_conf().c_str(), 1);
    std::vector<char*> words;
    for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execv(program->c_str(), words.data());
    _exit(127);
  }
  to.reset();
  std::string out;
  const auto deadline = Clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wait{from.get(), POLLIN, 0};
    char buffer[4096];
    if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) <= 0) break;
    const ssize_t got = read(from.get(), buffer, sizeof buffer);
    if (got <= 0) break;
    out.append(buffer, static_cast<std::size_t>(got));
  }
  if (Clock::now() >= deadline) kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? out : "";
}

}  // namespace flurm::cli
