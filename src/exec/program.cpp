// exec/program.cpp — see program.hpp.
#include "exec/program.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <sstream>

#include "exec/fd.hpp"
#include "exec/spawn.hpp"

namespace flurm::exec {
namespace {

constexpr int kPatienceMs = 10'000, kLookMs = 20;
constexpr std::size_t kOutputMax = 4096;

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

std::string own_program() {
  std::error_code error;
  std::string path = std::filesystem::read_symlink("/proc/self/exe", error);
  constexpr std::string_view kReplaced = " (deleted)";
  if (path.ends_with(kReplaced)) path.resize(path.size() - kReplaced.size());
  return path;
}

Result<std::string> try_program(const std::string& program, const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& environment) {
  if (access(program.c_str(), X_OK) != 0) return fail(Errc::einval, "{} is no program that can be run", program);
  std::vector<std::string> argv{program};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  FLURM_TRY(const StartedScript started,
            start_script({.program = program, .argv = std::move(argv), .env = environment}));
  int status = 0;
  for (int waited_ms = 0; waitpid(started.pid, &status, WNOHANG) == 0; waited_ms += kLookMs) {
    if (waited_ms >= kPatienceMs) {
      kill(-started.pid, SIGKILL);  // it leads a session of its own
      waitpid(started.pid, nullptr, 0);
      return fail(Errc::timed_out, "{} did not say in {} s what it is", program, kPatienceMs / 1000);
    }
    usleep(kLookMs * 1000);
  }
  const std::string said = script_output(started.output, kOutputMax);
  if (status != 0) return fail(Errc::einval, "{} would not start: {}", program, said.empty() ? "it says nothing" : last_line(said));
  return last_line(said);
}

std::vector<std::string> environment_and(const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> out;
  for (char** each = environ; *each; ++each) out.emplace_back(*each);
  for (const auto& [name, value] : more) out.push_back(name + "=" + value);
  return out;
}

std::vector<int> own_children() {
  // The kernel lists them by the thread that started them; those of threads that are gone stand under the first one.
  std::vector<int> out;
  std::istringstream list(read_small_file(fmt::format("/proc/self/task/{}/children", getpid())));
  for (int pid = 0; list >> pid;) out.push_back(pid);
  return out;
}

}  // namespace flurm::exec
