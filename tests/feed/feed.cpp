// tests/feed/feed.cpp — tells an accounting daemon what a controller would have told it: events, jobs and reservations
// of any time, from lines on standard input. So years of work reach slurmdbd and flurmdbd in seconds.
//
//   feed HOST:PORT CLUSTER MUNGE-SOCKET < LINES   one report a line, "kind name=value …":
//   tres time= tres= nodes=                 what the cluster consists of from then on
//   down time= node= tres= reason= state=   and  up time= node=
//   reserve id= name= start= end= tres= nodes= flags= assocs=
//   job id= submit= …                       see job() below; one that has no end= still runs; step=1: with a batch step
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>

#include "io/task.hpp"
#include "rpc/client.hpp"
#include "rpc/frames.hpp"
#include "wire/msg/dbd_messages.hpp"
#include "wire/versions.hpp"

namespace {

using namespace flurm;
using enum wire::MsgType;

class Line {
 public:
  explicit Line(const std::string& text) {
    std::istringstream words(text);
    words >> kind;
    for (std::string word; words >> word;) {
      const std::size_t at = word.find('=');
      values_[word.substr(0, at)] = at == word.npos ? "" : word.substr(at + 1);
    }
  }
  std::string text(const char* name, const char* otherwise = "") const {
    auto at = values_.find(name);
    return at == values_.end() ? otherwise : at->second;
  }
  std::int64_t number(const char* name, std::int64_t otherwise = 0) const {
    auto at = values_.find(name);
    return at == values_.end() ? otherwise : std::strtoll(at->second.c_str(), nullptr, 0);
  }
  std::uint32_t small(const char* name, std::int64_t otherwise = 0) const {
    return static_cast<std::uint32_t>(number(name, otherwise));
  }
  TimeS time(const char* name) const { return TimeS{number(name)}; }

  std::string kind;

 private:
  std::map<std::string, std::string> values_;
};

class Feed {
 public:
  Feed(rpc::PersistentClient& client, std::uint16_t version) : client_(client), version_(version) {}

  io::Task<bool> send(wire::MsgType type, std::string body) {
    auto calling = client_.call(type, std::move(body), 600'000);
    auto answer = co_await calling;
    if (!answer) std::fprintf(stderr, "feed: %s\n", answer.error().text.c_str());
    co_return answer.has_value();
  }
  /// Put off until there are enough for one message.
  template <class M>
  void later(wire::MsgType type, const M& message) {
    waiting_.list.push_back({rpc::bare_frame(type, codec::pack(message, version_)).substr(4)});
  }
  bool full() const { return waiting_.list.size() >= 1000; }
  io::Task<bool> flush() {
    if (waiting_.list.empty()) co_return true;
    std::string body = codec::pack(waiting_, version_);
    waiting_.list.clear();
    auto sending = send(DBD_SEND_MULT_MSG, std::move(body));
    co_return co_await sending;
  }
  std::uint16_t version() const { return version_; }

 private:
  rpc::PersistentClient& client_;
  std::uint16_t version_;
  wire::PackedMessageList waiting_;
};

void batch_step(Feed& feed, const wire::DbdJobStart& job, TimeS end_time) {
  wire::DbdStepStart start;
  start.assoc_id = job.assoc_id;
  start.name = "batch";
  start.nodes = job.nodes;
  start.node_cnt = 1;
  start.start_time = job.start_time;
  start.job_submit_time = job.submit_time;
  start.step_id.job_id = JobId{job.job_id};
  start.step_id.step_id = kBatchStep;
  start.total_tasks = 1;
  start.tres_alloc_str = job.tres_alloc_str;
  feed.later(DBD_STEP_START, start);
  if (!end_time) return;
  wire::DbdStepComplete end;
  end.assoc_id = start.assoc_id;
  end.end_time = end_time;
  end.job_submit_time = start.job_submit_time;
  end.req_uid = kNoVal32;
  end.start_time = start.start_time;
  end.state = 3;
  end.step_id = start.step_id;
  end.total_tasks = start.total_tasks;
  feed.later(DBD_STEP_COMPLETE, end);
}

void job(Feed& feed, const Line& line) {
  wire::DbdJobStart start;
  start.job_id = line.small("id");
  start.assoc_id = line.small("assoc");
  start.account = line.text("account");
  start.uid = line.small("uid");
  start.gid = line.small("gid");
  start.name = line.text("name", "job");
  start.partition = line.text("partition", "debug");
  start.qos_id = line.small("qos", 1);
  start.wckey = line.text("wckey");
  start.submit_time = line.time("submit");
  start.eligible_time = line.time("eligible") ? line.time("eligible") : start.submit_time;
  start.start_time = line.time("start");
  start.req_cpus = line.small("cpus", 1);
  start.tres_req_str = line.text("req", line.text("tres").c_str());
  start.tres_alloc_str = line.text("tres");
  start.nodes = line.text("nodes");
  start.alloc_nodes = line.small("nnodes", 1);
  start.timelimit = line.small("limit", 60);
  start.resv_id = line.small("resv");
  start.job_state = start.start_time ? 1 : 0;
  start.array_job_id = line.small("array");
  start.array_task_id = line.small("task", kNoVal32);
  start.array_task_pending = line.small("pending");
  start.array_task_str = line.text("tasks");
  feed.later(DBD_JOB_START, start);
  for (const char* name : {"suspend", "resume"}) {
    if (!line.time(name)) continue;
    wire::DbdJobSuspend suspend;
    suspend.job_id = start.job_id;
    suspend.assoc_id = start.assoc_id;
    suspend.submit_time = start.submit_time;
    suspend.suspend_time = line.time(name);
    suspend.job_state = *name == 's' ? 2 : 1;
    feed.later(DBD_JOB_SUSPEND, suspend);
  }
  if (line.number("step")) batch_step(feed, start, line.time("end"));
  if (!line.time("end")) return;
  wire::DbdJobComplete end;
  end.job_id = start.job_id;
  end.assoc_id = start.assoc_id;
  end.submit_time = start.submit_time;
  end.start_time = start.start_time;
  end.end_time = line.time("end");
  end.job_state = line.small("state", 3);
  end.exit_code = line.small("exit");
  end.nodes = start.nodes;
  end.tres_alloc_str = start.tres_alloc_str;
  end.req_uid = kNoVal32;
  feed.later(DBD_JOB_COMPLETE, end);
}

void node(Feed& feed, const Line& line) {
  wire::DbdNodeState state;
  state.hostlist = line.text("node");
  state.event_time = line.time("time");
  state.new_state = line.kind == "down" ? 1 : 2;
  state.state = line.small("state", 1);
  state.reason = line.text("reason");
  state.tres_str = line.text("tres");
  feed.later(DBD_NODE_STATE, state);
}

void reserve(Feed& feed, const Line& line, const std::string& cluster) {
  wire::ReservationRec reservation;
  reservation.cluster = cluster;
  reservation.id = line.small("id");
  reservation.name = line.text("name");
  reservation.time_start = line.time("start");
  reservation.time_end = line.time("end");
  reservation.tres_str = line.text("tres");
  reservation.nodes = line.text("nodes");
  reservation.flags = static_cast<std::uint64_t>(line.number("flags"));
  reservation.assocs = line.text("assocs");
  feed.later(DBD_ADD_RESV, reservation);
}

io::Task<bool> feed_all(io::Loop& loop, const auth::Munge& munge, rpc::Address to, std::string cluster) {
  wire::PersistInit greeting;
  greeting.version = wire::v22_05;
  greeting.cluster_name = cluster;
  greeting.persist_type = wire::persist_dbd;
  greeting.port = 6817;  // where a controller would listen; nobody does
  auto opening = rpc::PersistentClient::open(loop, munge, to, std::move(greeting), rpc::CallOptions{});
  auto client = co_await opening;
  if (!client) {
    std::fprintf(stderr, "feed: %s\n", client.error().text.c_str());
    co_return false;
  }
  Feed feed(**client, (*client)->version());
  wire::DbdRegisterCtld registration;
  registration.port = 6817;
  registration.dimensions = 1;
  auto registering = feed.send(DBD_REGISTER_CTLD, codec::pack(registration, feed.version()));
  bool good = co_await registering;
  for (std::string text; good && std::getline(std::cin, text);) {
    if (text.empty() || text[0] == '#') continue;
    const Line line(text);
    if (line.kind == "job") {
      job(feed, line);
    } else if (line.kind == "down" || line.kind == "up") {
      node(feed, line);
    } else if (line.kind == "reserve") {
      reserve(feed, line, cluster);
    } else if (line.kind == "tres") {
      auto flushing = feed.flush();
      good = co_await flushing;
      wire::DbdClusterTres tres;
      tres.cluster_nodes = line.text("nodes");
      tres.event_time = line.time("time");
      tres.tres_str = line.text("tres");
      auto sending = feed.send(DBD_CLUSTER_TRES, codec::pack(tres, feed.version()));
      good = co_await sending && good;
    } else {
      std::fprintf(stderr, "feed: what is \"%s\"?\n", line.kind.c_str());
      good = false;
    }
    if (feed.full() && good) {
      auto flushing = feed.flush();
      good = co_await flushing;
    }
  }
  auto flushing = feed.flush();
  co_return co_await flushing&& good;
}

io::Task<void> feed_and_stop(io::Loop& loop, const auth::Munge& munge, rpc::Address to, std::string cluster,
                             bool& good) {
  auto feeding = feed_all(loop, munge, std::move(to), std::move(cluster));
  good = co_await feeding;
  loop.stop();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string where = argc == 4 ? argv[1] : "";
  const std::size_t colon = where.rfind(':');
  if (colon == where.npos) {
    std::fprintf(stderr, "usage: feed HOST:PORT CLUSTER MUNGE-SOCKET < LINES\n");
    return 2;
  }
  io::Loop loop;
  const auth::Munge munge(argv[3]);
  bool good = false;
  io::spawn(feed_and_stop(loop, munge,
                          {where.substr(0, colon), static_cast<std::uint16_t>(std::atoi(where.c_str() + colon + 1))},
                          argv[2], good));
  loop.run();
  return good ? 0 : 1;
}
