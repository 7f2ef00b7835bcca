// cli/backup.cpp — see backup.hpp.
#include "cli/backup.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/control.hpp"
#include "cli/history.hpp"
#include "cli/local.hpp"
#include "cli/processes.hpp"
#include "exec/fd.hpp"
#include "replog/backup.hpp"
#include "state/cluster_state.hpp"

namespace flurm::cli {
namespace {

constexpr std::size_t kBackupMax = std::size_t{8} << 30;

/// What a backup holds, in lines for people. Errors: corrupt.
Result<std::string> described(std::string_view bytes) {
  FLURM_TRY(const replog::Backup backup, replog::open_backup(bytes));
  FLURM_TRY(const state::ClusterState state, state::load(backup.state));
  const std::size_t ended = state.jobs.size() - state.pending.size() - state.active.size();
  return fmt::format(
      "cluster {}, as after entry {} of {} (format {})\n"
      "{} jobs: {} pending, {} running or ending, {} ended; the next one is {}\n"
      "{} nodes, {} partitions; {}\n",
      backup.cluster, backup.index, time_text(backup.time), backup.format, state.jobs.size(), state.pending.size(),
      state.active.size(), ended, state.next_job_id, state.nodes.size(), state.partitions.size(),
      state.drain.on ? state.drain.text() : "new jobs are taken");
}

Result<void> write_durably(const std::string& path, std::string_view bytes) {
  const std::string making = path + ".part";
  const exec::Fd file(open(making.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  bool good = file && exec::write_all(file.get(), bytes) && fsync(file.get()) == 0 &&
              rename(making.c_str(), path.c_str()) == 0;
  const int error = errno;
  if (!good) {
    if (file) unlink(making.c_str());
    return fail(Errc::io, "cannot write {}: {}", path, std::strerror(error));
  }
  const std::string folder = std::filesystem::absolute(path).parent_path();
  const exec::Fd directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || fsync(directory.get()) != 0) return fail(Errc::io, "{}: {}", folder, std::strerror(errno));
  return {};
}

/// Runs flurmctld -R as one controller would run; it writes to our standard output and error.
Result<void> restore_one(const std::string& program, const std::string& slurm_conf, const std::string& backup,
                         const Environment& environment) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) return fail(Errc::io, "cannot start a process: {}", std::strerror(errno));
  if (child == 0) {
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    execl(program.c_str(), "flurmctld", "-f", slurm_conf.c_str(), "-R", backup.c_str(), nullptr);
    std::fprintf(stderr, "flurm: cannot run %s: %s\n", program.c_str(), std::strerror(errno));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Errc::error, "nothing was restored here; the reason is above");
}

}  // namespace

Result<void> backup_create(const BackupOptions& options) {
  FLURM_TRY(const Site site, find_site(options.local_dir));
  FLURM_TRY(const std::string bytes, order(site, "/api/backup", {}, kBackupMax));
  FLURM_TRY(const std::string text, described(bytes));
  FLURM_TRY_VOID(write_durably(options.file, bytes));
  std::printf("%s: %zu bytes\n%s", options.file.c_str(), bytes.size(), text.c_str());
  return {};
}

Result<void> backup_verify(const BackupOptions& options) {
  FLURM_TRY(const std::string bytes, exec::read_file(options.file, kBackupMax));
  const auto text = described(bytes);
  if (!text) return fail(text.error().code, "{}: {}", options.file, text.error().text);
  std::printf("%s: %zu bytes, whole\n%s", options.file.c_str(), bytes.size(), text->c_str());
  return {};
}

Result<void> backup_restore(const BackupOptions& options) {
  FLURM_TRY(const std::string slurm_conf, slurm_conf_path(options.local_dir));
  FLURM_TRY(const std::string program, find_program("flurmctld", "run this where a controller is"));
  if (options.local_dir.empty()) return restore_one(program, slurm_conf, options.file, {});
  FLURM_TRY(const std::vector<Environment> controllers, stopped_controllers(options.local_dir));
  for (const Environment& environment : controllers) {
    FLURM_TRY_VOID(restore_one(program, slurm_conf, options.file, environment));
  }
  return {};
}

}  // namespace flurm::cli
