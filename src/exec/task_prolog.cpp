// exec/task_prolog.cpp — see task_prolog.hpp.
#include "exec/task_prolog.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "exec/fd.hpp"

namespace flurm::exec {
namespace {

constexpr std::size_t kOutputMax = 1u << 20;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string read_to_end(int fd) {
  std::string output;
  char buffer[4096];
  while (true) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return output;
    if (output.size() < kOutputMax) output.append(buffer, static_cast<std::size_t>(n));
  }
}

}  // namespace

std::string apply_prolog_output(std::string_view output, Environment& env) {
  std::string printed;
  while (!output.empty()) {
    const auto newline = output.find('\n');
    const std::string_view line = output.substr(0, newline);
    output = newline == std::string_view::npos ? std::string_view{} : output.substr(newline + 1);
    if (line.starts_with("print ")) {
      printed.append(trim(line.substr(6))).append(1, '\n');
    } else if (line.starts_with("export ")) {
      const auto equals = line.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view name = trim(line.substr(7, equals - 7));
      if (!name.empty()) env.set(name, line.substr(equals + 1));
    } else if (line.starts_with("unset ")) {
      env.unset(trim(line.substr(6)));
    }
  }
  return printed;
}

int run_task_prolog(const std::string& program, Environment& env) {
  env.set("SLURM_SCRIPT_CONTEXT", "prolog_task");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return 1;
  Fd reading(ends[0]), writing(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return 1;
  if (pid == 0) {
    dup2(writing.get(), 1);
    std::string path = program;
    char* argv[] = {path.data(), nullptr};
    execve(path.c_str(), argv, env.pointers().data());
    _exit(127);
  }
  writing.reset();
  const std::string printed = apply_prolog_output(read_to_end(reading.get()), env);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  (void)write_all(1, printed);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace flurm::exec
