// programs/flurmctld.cpp — the controller daemon.
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/log.hpp"
#include "ctld/service.hpp"

namespace {

constexpr const char* kUsage =
    "Usage: flurmctld [OPTIONS]\n"
    "  -c        clear all previous state: jobs are forgotten, nodes start as configured\n"
    "  -D        run in the foreground\n"
    "  -f FILE   read this slurm.conf (default: $SLURM_CONF, $FLURM_CONFIG_FILE, /etc/slurm/slurm.conf)\n"
    "  -R FILE   make the data directory from this backup and exit; see 'flurm backup'\n"
    "  -T        read the configuration, say what this program is, and exit\n"
    "  -v        verbose; more of them, more words\n"
    "  -V        print the version and exit\n"
    "  -h        print this and exit\n";

std::string default_config() {
  for (const char* name : {"SLURM_CONF", "FLURM_CONFIG_FILE"})
    if (const char* value = std::getenv(name); value && *value) return value;
  return "/etc/slurm/slurm.conf";
}

}  // namespace

int main(int argc, char** argv) {
  // Jobs are made on the loop's thread and on those that decode, and live long: what each thread keeps to itself of
  // what others could use adds up to a third. Few of them allocate at the same time.
  (void)mallopt(M_ARENA_MAX, 1);
  // Snapshots and long answers are given back to the system, and not kept as holes between what lives long.
  (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
  flurm::ctld::ServiceOptions options;
  options.config_file = default_config();
  bool check = false;
  for (int option; (option = getopt(argc, argv, "cDf:hR:TvV")) != -1;) switch (option) {
      case 'c':
        options.clear_state = true;
        break;
      case 'D':
        options.foreground = true;
        break;
      case 'f':
        options.config_file = optarg;
        break;
      case 'R':
        options.restore_file = optarg;
        break;
      case 'T':
        check = true;
        break;
      case 'v':
        ++options.verbose;
        break;
      case 'V':
        std::printf("flurm %s\n", FLURM_VERSION);
        return 0;
      case 'h':
        std::fputs(kUsage, stdout);
        return 0;
      default:
        std::fputs(kUsage, stderr);
        return 1;
    }
  if (optind != argc) {
    std::fprintf(stderr, "flurmctld: unexpected argument '%s'\n%s", argv[optind], kUsage);
    return 1;
  }
  if (check) {
    const auto facts = flurm::ctld::check_service(options);
    std::fprintf(facts ? stdout : stderr, "%s\n", facts ? facts->c_str() : facts.error().text.c_str());
    return facts ? 0 : 1;
  }
  const auto done = flurm::ctld::run_service(options);
  if (done) return 0;
  std::fprintf(stderr, "flurmctld: %s\n", done.error().text.c_str());
  flurm::log(flurm::Level::fatal, "ctld.failed", {{"error", done.error().text}});
  return 1;
}
