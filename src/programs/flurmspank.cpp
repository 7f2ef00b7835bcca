// programs/flurmspank.cpp — flurmstepd where plugstack.conf names SPANK plugins, and their other places: beside the
// node daemon ("flurmspank slurmd PLUGSTACK PLUGIN_DIR") and before and after a job ("flurmspank prolog …", "… epilog
// …"). Never in the daemon itself, which no plugin can take down.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "spank/step.hpp"
#include "stepd/supervisor.hpp"

namespace {

using namespace flurm;

void say(spank::Tone, const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

/// Says on standard output what is to be called for each job, and stays until its standard input ends.
int beside_daemon(const char* plugstack, const char* plugin_dir) {
  auto stack = spank::Stack::load(spank::Context::slurmd, plugstack, plugin_dir, say);
  if (!stack || !(*stack)->call(spank::Phase::init)) return 1;
  std::printf("prolog=%d epilog=%d\n", (*stack)->has(spank::Phase::job_prolog),
              (*stack)->has(spank::Phase::job_epilog));
  std::fflush(stdout);
  char nothing;
  while (read(0, &nothing, 1) > 0) {
  }
  return (*stack)->call(spank::Phase::slurmd_exit) ? 0 : 1;
}

std::uint32_t number_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value ? static_cast<std::uint32_t>(std::strtoul(value, nullptr, 10)) : ~std::uint32_t{0};
}

/// The job is in the environment, as prologs have it.
int around_job(spank::Phase phase, const char* plugstack, const char* plugin_dir) {
  auto stack = spank::Stack::load(spank::Context::job_script, plugstack, plugin_dir, say);
  if (!stack) return 1;
  spank::Job job;
  job.job_id = number_of("SLURM_JOB_ID");
  job.uid = number_of("SLURM_JOB_UID");
  job.gid = number_of("SLURM_JOB_GID");
  return (*stack)->call(phase, &job) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) {
    spank::Step plugins;
    return stepd::run_supervisor(&plugins);
  }
  const std::string_view place = argv[1];
  if (argc == 4 && place == "slurmd") return beside_daemon(argv[2], argv[3]);
  if (argc == 4 && place == "prolog") return around_job(spank::Phase::job_prolog, argv[2], argv[3]);
  if (argc == 4 && place == "epilog") return around_job(spank::Phase::job_epilog, argv[2], argv[3]);
  std::fputs("flurmspank is started by flurmnd\n", stderr);
  return 1;
}
