// bench/rpc_bench.cpp — what the RPC layer alone costs: a server that answers pings and accepts job submissions without
// doing anything, under a munged of its own, while a command of yours (a load generator, Slurm's tools) talks to it.
//
//   rpc_bench [-w workers] [-m munged threads] command [arguments]      SLURM_CONF is set for the command
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "auth/private_munged.hpp"
#include "base/log.hpp"
#include "io/clock.hpp"
#include "io/process.hpp"
#include "rpc/server.hpp"
#include "wire/msg/job_desc.hpp"

namespace {

using namespace flurm;

io::Task<rpc::Reply> answer(rpc::Request request) {
  static std::uint32_t job_id = 0;
  if (request.type() == wire::MsgType::REQUEST_SUBMIT_BATCH_JOB) {
    wire::SubmitResponse response;
    response.step_id.job_id = {++job_id};
    response.step_id.step_id = kBatchStep;
    co_return rpc::Reply::of(wire::MsgType::RESPONSE_SUBMIT_BATCH_JOB, response, request.version());
  }
  bool ping = request.type() == wire::MsgType::REQUEST_PING;
  co_return rpc::Reply::rc(ping ? Errc::success : Errc::einval, request.version());
}

double thread_cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

double process_cpu_s() {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  unsigned workers = 4;
  int munged_threads = 4;
  int opt;
  while ((opt = getopt(argc, argv, "+w:m:")) != -1) {
    if (opt == 'w') workers = static_cast<unsigned>(std::atoi(optarg));
    if (opt == 'm') munged_threads = std::atoi(optarg);
  }
  if (optind >= argc) {
    std::fprintf(stderr, "usage: rpc_bench [-w workers] [-m munged threads] command [arguments]\n");
    return 2;
  }
  io::ignore_sigpipe();
  log_set_level(Level::error);
  auth::PrivateMunged munged(munged_threads);
  auth::Munge munge(munged.socket());
  io::Loop loop(workers);
  rpc::ServerOptions options;
  options.host = "127.0.0.1";
  auto server = rpc::Server::listen(loop, munge, options, answer);
  if (!server) return 1;

  char host[256] = "localhost";
  gethostname(host, sizeof host);
  std::string conf = munged.directory() + "/slurm.conf";
  std::ofstream(conf) << "ClusterName=bench\nSlurmctldHost=" << host
                      << "(127.0.0.1)\nSlurmctldPort=" << (*server)->port() << "\nSlurmUser=" << getuid()
                      << "\nAuthInfo=socket=" << munged.socket()
                      << "\nNodeName=n1 NodeHostname=localhost\nPartitionName=p Nodes=n1 Default=yes\n";
  io::ChildWatch children(loop);
  pid_t pid = fork();
  if (pid == 0) {
    setenv("SLURM_CONF", conf.c_str(), 1);
    execvp(argv[optind], argv + optind);
    std::perror(argv[optind]);
    _exit(127);
  }
  double loop_before = thread_cpu_s(), all_before = process_cpu_s();
  int status = 0;
  children.watch(pid, [&](int s, const rusage&) {
    status = s;
    loop.stop();
  });
  loop.run();
  double loop_s = thread_cpu_s() - loop_before, all_s = process_cpu_s() - all_before;
  std::uint64_t requests = 0;
  for (const auto& [type, count] : (*server)->stats().by_type) requests += count.count;
  if (requests) {
    auto per = static_cast<double>(requests);
    std::printf("%llu requests: %.1f us of the loop's thread and %.1f us of workers each\n",
                static_cast<unsigned long long>(requests), loop_s / per * 1e6, (all_s - loop_s) / per * 1e6);
  }
  return WEXITSTATUS(status);
}
