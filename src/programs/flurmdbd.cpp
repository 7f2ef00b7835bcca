// programs/flurmdbd.cpp — the accounting daemon.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/log.hpp"
#include "dbd/service.hpp"

namespace {

constexpr const char* kUsage =
    "Usage: flurmdbd [OPTIONS]\n"
    "  -D        run in the foreground\n"
    "  -f FILE   read this slurmdbd.conf (default: slurmdbd.conf beside $SLURM_CONF, /etc/slurm/slurmdbd.conf)\n"
    "  -v        verbose; more of them, more words\n"
    "  -V        print the version and exit\n"
    "  -h        print this and exit\n";

std::string default_config() {
  const char* conf = std::getenv("SLURM_CONF");
  const std::string path = conf ? conf : "";
  const std::size_t slash = path.rfind('/');
  return (slash == path.npos ? std::string("/etc/slurm") : path.substr(0, slash)) + "/slurmdbd.conf";
}

}  // namespace

int main(int argc, char** argv) {
  flurm::dbd::ServiceOptions options;
  options.config_file = default_config();
  for (int option; (option = getopt(argc, argv, "Df:hvV")) != -1;) switch (option) {
      case 'D':
        options.foreground = true;
        break;
      case 'f':
        options.config_file = optarg;
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
    std::fprintf(stderr, "flurmdbd: unexpected argument '%s'\n%s", argv[optind], kUsage);
    return 1;
  }
  const auto done = flurm::dbd::run_service(options);
  if (done) return 0;
  std::fprintf(stderr, "flurmdbd: %s\n", done.error().text.c_str());
  flurm::log(flurm::Level::fatal, "dbd.failed", {{"error", done.error().text}});
  return 1;
}
