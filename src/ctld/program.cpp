// ctld/program.cpp — see program.hpp.
#include "ctld/program.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "exec/spawn.hpp"

namespace flurm::ctld {
namespace {

constexpr int kPatienceMs = 10'000, kLookMs = 20;
constexpr std::size_t kOutputMax = 4096;

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

std::string to_text(const ProgramFacts& facts) {
  return fmt::format("flurmctld version {} newest-format {}", facts.version, facts.newest_format);
}

Result<ProgramFacts> parse_program_facts(const std::string& text) {
  char version[64] = "";
  unsigned newest = 0;
  if (std::sscanf(last_line(text).c_str(), "flurmctld version %63s newest-format %u", version, &newest) != 2 || newest == 0 ||
      newest > 0xffff)
    return fail(Errc::corrupt, "'{}' is not what a flurmctld says of itself", last_line(text));
  return ProgramFacts{version, static_cast<std::uint16_t>(newest)};
}

std::string own_program() {
  std::error_code error;
  std::string path = std::filesystem::read_symlink("/proc/self/exe", error);
  constexpr std::string_view kReplaced = " (deleted)";
  if (path.ends_with(kReplaced)) path.resize(path.size() - kReplaced.size());
  return path;
}

Result<ProgramFacts> try_program(const std::string& program, const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& environment) {
  if (access(program.c_str(), X_OK) != 0) return fail(Errc::einval, "{} is no program that can be run", program);
  std::vector<std::string> argv{program};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  FLURM_TRY(const exec::StartedScript started,
            exec::start_script({.program = program, .argv = std::move(argv), .env = environment}));
  int status = 0;
  for (int waited_ms = 0; waitpid(started.pid, &status, WNOHANG) == 0; waited_ms += kLookMs) {
    if (waited_ms >= kPatienceMs) {
      kill(-started.pid, SIGKILL);  // it leads a session of its own
      waitpid(started.pid, nullptr, 0);
      return fail(Errc::timed_out, "{} did not say in {} s what it is", program, kPatienceMs / 1000);
    }
    usleep(kLookMs * 1000);
  }
  const std::string said = exec::script_output(started.output, kOutputMax);
  if (status != 0) return fail(Errc::einval, "{} would not start: {}", program, said.empty() ? "it says nothing" : last_line(said));
  auto facts = parse_program_facts(said);
  if (!facts) return fail(Errc::einval, "{}: {}", program, facts.error().text);
  return facts;
}

}  // namespace flurm::ctld
