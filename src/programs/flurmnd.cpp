// programs/flurmnd.cpp — the node daemon.
#include <getopt.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/log.hpp"
#include "noded/service.hpp"

namespace {

constexpr const char* kUsage =
    "Usage: flurmnd [OPTIONS]\n"
    "  -b                    report the machine as booted now (for tests)\n"
    "  -c                    forget which jobs ended here\n"
    "  -C                    print the hardware of this machine as a NodeName line and exit\n"
    "  --conf 'KEY=VALUE …'  with -Z: more about this node, as on a NodeName line\n"
    "  --conf-server H[:P]   take the configuration from the controller (also: $SLURM_CONF_SERVER)\n"
    "  -D                    run in the foreground\n"
    "  --emulate NODES       stand for all these nodes (ALL: of the configuration): batch jobs are taken and end after\n"
    "                        the time that they would sleep, but nothing runs; needs a Port for each node\n"
    "  -f FILE               read this slurm.conf (default: $SLURM_CONF, /etc/slurm/slurm.conf)\n"
    "  -G                    print the generic resources of this node and exit\n"
    "  -L FILE               write the log here\n"
    "  -N NAME               be this node (default: the node with this machine's name)\n"
    "  -T                    read the configuration, say what this program is, and exit\n"
    "  -v                    verbose; more of them, more words\n"
    "  -V                    print the version and exit\n"
    "  -Z                    be a node that slurm.conf does not name: register as one\n"
    "  -h                    print this and exit\n";

constexpr int kConfServer = 256, kConf = 257, kEmulate = 258;
constexpr option kLong[] = {{"conf-server", required_argument, nullptr, kConfServer},
                            {"conf", required_argument, nullptr, kConf},
                            {"emulate", required_argument, nullptr, kEmulate},
                            {"help", no_argument, nullptr, 'h'},
                            {"version", no_argument, nullptr, 'V'},
                            {nullptr, 0, nullptr, 0}};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

int print_hardware() {
  const auto text = flurm::noded::print_hardware();
  if (!text) {
    std::fprintf(stderr, "flurmnd: %s\n", text.error().text.c_str());
    return 1;
  }
  std::fputs(text->c_str(), stdout);
  return 0;
}

/// What gives another program the same options, -b and -c excepted.
std::vector<std::string> arguments_of(const flurm::noded::ServiceOptions& options) {
  std::vector<std::string> out;
  if (options.foreground) out.push_back("-D");
  if (options.dynamic) out.push_back("-Z");
  for (int i = 0; i < options.verbose; ++i) out.push_back("-v");
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) out.insert(out.end(), {option, value});
  };
  add("--conf", options.dynamic_conf);
  add("-f", options.conf_file);
  add("--conf-server", options.conf_server);
  add("-L", options.log_file);
  add("-N", options.node_name);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  flurm::noded::ServiceOptions options;
  bool check = false, gres = false;
  std::string emulated;
  for (int given; (given = getopt_long(argc, argv, "bcCDf:GhL:N:TvVZ", kLong, nullptr)) != -1;) {
    switch (given) {
      case 'b':
        options.booted = true;
        break;
      case 'Z':
        options.dynamic = true;
        break;
      case kEmulate:
        emulated = optarg;
        break;
      case kConf:
        options.dynamic_conf = optarg;
        break;
      case 'c':
        options.clean_start = true;
        break;
      case 'C':
        return print_hardware();
      case 'D':
        options.foreground = true;
        break;
      case 'f':
        options.conf_file = optarg;
        break;
      case 'G':
        gres = true;
        break;
      case 'h':
        std::fputs(kUsage, stdout);
        return 0;
      case 'L':
        options.log_file = optarg;
        break;
      case 'N':
        options.node_name = optarg;
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
      case kConfServer:
        options.conf_server = optarg;
        break;
      default:
        std::fputs(kUsage, stderr);
        return 1;
    }
  }
  if (optind != argc) {
    std::fprintf(stderr, "flurmnd: unexpected argument '%s'\n%s", argv[optind], kUsage);
    return 1;
  }
  // As Slurm looks for it: what was said, SLURM_CONF, the built-in path, and only then a server.
  const std::string built_in = "/etc/slurm/slurm.conf";
  if (options.conf_file.empty() && options.conf_server.empty()) options.conf_file = environment("SLURM_CONF");
  if (options.conf_file.empty() && options.conf_server.empty()) {
    if (access(built_in.c_str(), F_OK) != 0) options.conf_server = environment("SLURM_CONF_SERVER");
    if (options.conf_server.empty()) options.conf_file = built_in;
  }
  std::error_code error;
  if (!options.conf_file.empty()) options.conf_file = std::filesystem::absolute(options.conf_file, error).string();
  if (!options.log_file.empty()) options.log_file = std::filesystem::absolute(options.log_file, error).string();
  options.supervisor_program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "flurmstepd";

  if (check || gres) {
    const auto facts = check ? flurm::noded::check_service(options) : flurm::noded::print_gres(options);
    std::fputs(facts ? facts->c_str() : (facts.error().text + "\n").c_str(), facts ? stdout : stderr);
    return facts ? 0 : 1;
  }
  if (!emulated.empty() && options.conf_file.empty()) {
    std::fputs("flurmnd: --emulate reads slurm.conf from a file\n", stderr);
    return 1;
  }
  options.arguments = arguments_of(options);
  const auto done = emulated.empty() ? flurm::noded::run_service(options) : flurm::noded::run_emulation(options, emulated);
  if (done) return 0;
  std::fprintf(stderr, "flurmnd: %s\n", done.error().text.c_str());
  return 1;
}
