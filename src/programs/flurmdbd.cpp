// programs/flurmdbd.cpp — the accounting daemon.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/log.hpp"
#include "dbd/import.hpp"
#include "dbd/service.hpp"

namespace {

constexpr const char* kUsage =
    "Usage: flurmdbd [OPTIONS]\n"
    "       flurmdbd import --from-slurmdbd FILE [-f FILE]\n"
    "  -D        run in the foreground\n"
    "  -f FILE   read this slurmdbd.conf (default: slurmdbd.conf beside $SLURM_CONF, /etc/slurm/slurmdbd.conf)\n"
    "  -v        verbose; more of them, more words\n"
    "  -V        print the version and exit\n"
    "  -h        print this and exit\n"
    "\n"
    "import copies the database of a slurmdbd, which its slurmdbd.conf names, into an empty one of flurmdbd. Nothing\n"
    "must write to either meanwhile. What was interrupted goes on where it was.\n";

std::string default_config() {
  const char* conf = std::getenv("SLURM_CONF");
  const std::string path = conf ? conf : "";
  const std::size_t slash = path.rfind('/');
  return (slash == path.npos ? std::string("/etc/slurm") : path.substr(0, slash)) + "/slurmdbd.conf";
}

int import(int argc, char** argv) {
  flurm::dbd::ImportOptions options{.from = {}, .config_file = default_config()};
  for (int i = 2; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (i + 1 == argc || (option != "--from-slurmdbd" && option != "-f")) {
      std::fputs(kUsage, stderr);
      return 1;
    }
    (option == "-f" ? options.config_file : options.from) = argv[i + 1];
  }
  if (options.from.empty()) {
    std::fputs(kUsage, stderr);
    return 1;
  }
  const auto report = flurm::dbd::import_from_slurmdbd(options);
  if (!report) {
    std::fprintf(stderr, "flurmdbd: %s\n", report.error().text.c_str());
    return 1;
  }
  for (const auto& [what, count] : *report)
    std::printf("%-22s %llu\n", what.c_str(), static_cast<unsigned long long>(count));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "import") return import(argc, argv);
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
