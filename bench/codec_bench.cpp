// bench/codec_bench.cpp — what the wire costs per submission and per listed job. Targets (docs/performance.md names
// the machine): decode of a submission ≤ 5 µs, encoding a job record ≤ 1 µs, repeating an encoded one ≤ 0.1 µs.
#include <benchmark/benchmark.h>

#include "codec/pack.hpp"
#include "codec/unpack.hpp"
#include "wire/header.hpp"
#include "wire/k12.hpp"
#include "wire/msg/job_desc.hpp"
#include "wire/msg/job_info.hpp"

namespace flurm::wire {
namespace {

constexpr std::uint16_t kVersion = v22_05;
constexpr int kJobs = 10'000;

/// What sbatch sends for a small script from an ordinary login shell.
JobDesc submission() {
  JobDesc job;
  job.name = "simulation";
  job.partition = "compute";
  job.script = "#!/bin/bash\n#SBATCH -n 4 -t 1:00:00\nsrun ./simulate --input data.h5 --output result.h5\n";
  job.work_dir = "/home/user/project/runs/2024-06-01";
  job.std_out = "/home/user/project/runs/2024-06-01/slurm-%j.out";
  job.argv = {"/home/user/project/run.sh"};
  for (int i = 0; i < 40; ++i)
    job.environment.push_back("VARIABLE_" + std::to_string(i) + "=/usr/local/some/path/value");
  job.user_id = job.group_id = 1000;
  job.min_cpus = 4;
  job.num_tasks = 4;
  job.time_limit = 60;
  return job;
}

/// A running job in a list.
JobInfo listed_job(std::uint32_t id) {
  JobInfo job;
  job.step_id.job_id = {id};
  job.name = "simulation";
  job.user_name = "user";
  job.user_id = job.group_id = 1000;
  job.partition = "compute";
  job.account = "physics";
  job.qos = "normal";
  job.nodes = "node[17-18]";
  job.batch_host = "node17";
  job.alloc_node = "login1";
  job.job_state = 1;
  job.submit_time = job.eligible_time = job.start_time = {1'717'200'000};
  job.work_dir = "/home/user/project/runs/2024-06-01";
  job.command = "/home/user/project/run.sh";
  job.std_out = "/home/user/project/runs/2024-06-01/slurm-12345.out";
  job.std_err = job.std_out;
  job.std_in = "/dev/null";
  job.tres_req_str = job.tres_alloc_str = "cpu=4,mem=16G,node=2,billing=4";
  job.node_inx = Bits(64);
  job.node_inx.set(17);
  job.node_inx.set(18);
  job.mc_ptr.emplace();
  return job;
}

void submit_decode(benchmark::State& state) {
  Header header;
  header.version = kVersion;
  header.msg_type = MsgType::REQUEST_SUBMIT_BATCH_JOB;
  std::string frame = build_frame(header, AuthSection{AuthSection::munge, std::string(200, 'M'), "", 0, 0},
                                  codec::pack(submission(), kVersion));
  for (auto _ : state) {
    auto split = split_frame(std::string_view(frame).substr(4));
    auto job = codec::unpack<JobDesc>(split->body, split->header.version);
    benchmark::DoNotOptimize(job->min_cpus);
  }
}
BENCHMARK(submit_decode)->Unit(benchmark::kMicrosecond);

void submit_decode_and_answer(benchmark::State& state) {
  Header header;
  header.version = kVersion;
  header.msg_type = MsgType::REQUEST_SUBMIT_BATCH_JOB;
  AuthSection auth{AuthSection::munge, std::string(200, 'M'), "", 0, 0};
  std::string frame = build_frame(header, auth, codec::pack(submission(), kVersion));
  for (auto _ : state) {
    auto split = split_frame(std::string_view(frame).substr(4));
    auto job = codec::unpack<JobDesc>(split->body, split->header.version);
    SubmitResponse response;
    response.step_id.job_id = {job->min_cpus};
    std::string answer = build_frame(reply_header(split->header, MsgType::RESPONSE_SUBMIT_BATCH_JOB), auth,
                                     codec::pack(response, split->header.version));
    benchmark::DoNotOptimize(answer.data());
  }
}
BENCHMARK(submit_decode_and_answer)->Unit(benchmark::kMicrosecond);

void body_hash_of_submission(benchmark::State& state) {
  std::string body = codec::pack(submission(), kVersion);
  for (auto _ : state) benchmark::DoNotOptimize(body_hash(MsgType::REQUEST_SUBMIT_BATCH_JOB, body));
  state.SetBytesProcessed(static_cast<std::int64_t>(body.size()) * state.iterations());
}
BENCHMARK(body_hash_of_submission)->Unit(benchmark::kMicrosecond);

void set_jobs(benchmark::State& state) {
  state.counters["s_per_job"] =
      benchmark::Counter(kJobs, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void job_list_encode(benchmark::State& state) {
  auto version = static_cast<std::uint16_t>(state.range(0));
  JobInfo job = listed_job(0);  // the controller fills one in cache and encodes it at once
  std::vector<std::string> records(kJobs);
  for (auto _ : state) {
    for (std::uint32_t id = 0; id < kJobs; ++id) {
      job.step_id.job_id = {id};
      records[id] = pack_job_info(job, version);
    }
    benchmark::DoNotOptimize(records.data());
  }
  set_jobs(state);
}
BENCHMARK(job_list_encode)->Arg(v22_05)->Arg(v26_05)->Unit(benchmark::kMillisecond);

void job_list_from_encoded_records(benchmark::State& state) {
  std::vector<std::string> records;
  for (std::uint32_t id = 0; id < kJobs; ++id) records.push_back(pack_job_info(listed_job(id), kVersion));
  for (auto _ : state) {
    std::vector<std::string_view> views(records.begin(), records.end());
    std::string body = pack_job_info_array({1}, {1}, views, kVersion);
    benchmark::DoNotOptimize(body.data());
  }
  set_jobs(state);
}
BENCHMARK(job_list_from_encoded_records)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace flurm::wire
