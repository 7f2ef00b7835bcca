// stepd/pmi_server.cpp — see pmi_server.hpp.
#include "stepd/pmi_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "codec/pack.hpp"
#include "fmt/format.h"
#include "stepd/terminal.hpp"

namespace flurm::stepd {
namespace {

constexpr std::uint16_t kTreeFence = 0, kTreeFenceAnswer = 1;  // slurm 22.05 plugins/mpi/pmi2/tree.h
constexpr int kConnectMs = 5'000;
constexpr std::size_t kBytesMax = 256u << 20;
constexpr std::uint16_t kAnyVersion = 0;  // strings are packed alike in all of Slurm's protocols

std::string packed(std::string text) { return codec::pack(text, kAnyVersion); }

/// A length and a string with its NUL, as Slurm packs it.
bool take_string(std::string_view& data, std::string& out) {
  if (data.size() < 4) return false;
  std::uint32_t length = 0;
  for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(data[static_cast<std::size_t>(i)]);
  data.remove_prefix(4);
  if (length > data.size()) return false;
  out.assign(data.substr(0, length));
  if (!out.empty() && out.back() == '\0') out.pop_back();
  data.remove_prefix(length);
  return true;
}

bool take_u32(std::string_view& data, std::uint32_t& out) {
  if (data.size() < 4) return false;
  out = 0;
  for (int i = 0; i < 4; ++i) out = out << 8 | static_cast<unsigned char>(data[static_cast<std::size_t>(i)]);
  data.remove_prefix(4);
  return true;
}

}  // namespace

PmiServer::PmiServer(exec::StepPmi step, std::string host, std::string node_name)
    : step_(std::move(step)), host_(std::move(host)), node_name_(std::move(node_name)) {
  pairs_["PMI_process_mapping"] = step_.process_mapping;
}

Result<exec::Fd> PmiServer::add_task(std::uint32_t rank) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail(Errc::node_fork_failed, "socketpair: {}", std::strerror(errno));
  }
  Task& task = tasks_.emplace_back();
  task.fd = exec::Fd(ends[0]);
  task.rank = rank;
  return exec::Fd(ends[1]);
}

void PmiServer::add_waits(std::vector<pollfd>& waits) {
  first_wait_ = waits.size();
  for (const Task& task : tasks_) waits.push_back({task.fd.get(), POLLIN, 0});
}

void PmiServer::handle(const std::vector<pollfd>& waits) {
  std::size_t at = first_wait_;
  for (Task& task : tasks_) {
    if (waits[at++].revents != 0) read(task);
  }
}

void PmiServer::read(Task& task) {
  char buffer[4096];
  const ssize_t n = recv(task.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    task.fd.reset();
    return;
  }
  task.reader.add({buffer, static_cast<std::size_t>(n)});
  while (task.fd) {
    auto command = task.reader.next();
    if (!command) {
      task.fd.reset();  // it does not speak PMI
    } else if (*command) {
      act(task, **command);
    } else {
      return;
    }
  }
}

void PmiServer::answer(Task& task, PmiWords words) {
  const std::string text = pmi_message(task.reader.version(), std::move(words));
  // A task waits for each answer, so the socket has room; one that does not read it is none of ours to wait for.
  if (task.fd &&
      send(task.fd.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
    task.fd.reset();
  }
}

void PmiServer::act(Task& task, const PmiCommand& command) {
  if (command.name == "init") return begin(task, command);
  task.reader.version() == 1 ? act_1(task, command) : act_2(task, command);
}

void PmiServer::begin(Task& task, const PmiCommand& command) {
  const bool second = command.value("pmi_version") == "2";
  answer(task, {{"cmd", "response_to_init"},
                {"rc", "0"},
                {"pmi_version", second ? "2" : "1"},
                {"pmi_subversion", second ? "0" : "1"}});
  task.reader.set_version(second ? 2 : 1);
}

void PmiServer::act_1(Task& task, const PmiCommand& command) {
  const std::string& name = command.name;
  if (name == "get_maxes") {
    answer(task, {{"cmd", "maxes"}, {"rc", "0"}, {"kvsname_max", "256"}, {"keylen_max", "64"}, {"vallen_max", "1024"}});
  } else if (name == "get_universe_size") {
    answer(task, {{"cmd", "universe_size"}, {"rc", "0"}, {"size", std::to_string(step_.task_count)}});
  } else if (name == "get_appnum") {
    answer(task, {{"cmd", "appnum"}, {"rc", "0"}, {"appnum", "-1"}});
  } else if (name == "get_my_kvsname") {
    answer(task, {{"cmd", "my_kvsname"}, {"rc", "0"}, {"kvsname", step_.job_text}});
  } else if (name == "put") {
    put(command);
    answer(task, {{"cmd", "put_result"}, {"rc", "0"}});
  } else if (name == "get") {
    const auto pair = pairs_.find(command.value("key"));
    if (pair != pairs_.end()) {
      answer(task, {{"cmd", "get_result"}, {"rc", "0"}, {"value", pair->second}});
    } else {
      answer(task, {{"cmd", "get_result"}, {"rc", "1"}});
    }
  } else if (name == "barrier_in") {
    enter_fence(task);
  } else if (name == "finalize") {
    answer(task, {{"cmd", "finalize_ack"}, {"rc", "0"}});
    task.fd.reset();
  } else if (name == "abort") {
    wants_step_killed_ = true;
  } else if (name == "publish_name" || name == "unpublish_name" || name == "lookup_name") {
    answer(task, {{"cmd", name == "lookup_name"    ? "lookup_result"
                          : name == "publish_name" ? "publish_result"
                                                   : "unpublish_result"},
                  {"info", "fail"}});
  } else if (name == "spawn") {
    answer(task, {{"cmd", "spawn_result"}, {"rc", "-1"}});
  }
}

void PmiServer::act_2(Task& task, const PmiCommand& command) {
  const std::string& name = command.name;
  const auto found = [&](const std::string& response, const std::string* value) {
    if (value) {
      answer(task, {{"cmd", response}, {"rc", "0"}, {"found", "TRUE"}, {"value", *value}});
    } else {
      answer(task, {{"cmd", response}, {"rc", "0"}, {"found", "FALSE"}});
    }
  };
  const std::string key(command.value("key"));
  if (name == "fullinit") {
    answer(task, {{"cmd", "fullinit-response"},
                  {"rc", "0"},
                  {"pmi-version", "2"},
                  {"pmi-subversion", "0"},
                  {"rank", std::to_string(task.rank)},
                  {"size", std::to_string(step_.task_count)},
                  {"appnum", "-1"},
                  {"debugged", "FALSE"},
                  {"pmiverbose", "FALSE"}});
  } else if (name == "job-getid") {
    answer(task, {{"cmd", "job-getid-response"}, {"rc", "0"}, {"jobid", step_.job_text}});
  } else if (name == "kvs-put") {
    put(command);
    answer(task, {{"cmd", "kvs-put-response"}, {"rc", "0"}});
  } else if (name == "kvs-get") {
    const auto pair = pairs_.find(key);
    found("kvs-get-response", pair == pairs_.end() ? nullptr : &pair->second);
  } else if (name == "kvs-fence") {
    enter_fence(task);
  } else if (name == "info-getjobattr") {
    const std::string value = job_attribute(key);
    found("info-getjobattr-response", value.empty() ? nullptr : &value);
  } else if (name == "info-getnodeattr") {
    const auto attribute = node_attributes_.find(key);
    const bool waits = command.value("wait") == "TRUE";
    if (attribute == node_attributes_.end() && waits) {
      task.waits_for = key;
    } else {
      found("info-getnodeattr-response", attribute == node_attributes_.end() ? nullptr : &attribute->second);
    }
  } else if (name == "info-putnodeattr") {
    const std::string value(command.value("value"));
    bytes_ += key.size() + value.size();
    if (bytes_ <= kBytesMax) node_attributes_[key] = value;
    answer(task, {{"cmd", "info-putnodeattr-response"}, {"rc", "0"}});
    for (Task& other : tasks_) {
      if (key.empty() || other.waits_for != key) continue;
      other.waits_for.clear();
      answer(other, {{"cmd", "info-getnodeattr-response"}, {"rc", "0"}, {"found", "TRUE"}, {"value", value}});
    }
  } else if (name == "finalize") {
    answer(task, {{"cmd", "finalize-response"}, {"rc", "0"}});
    task.fd.reset();
  } else if (name == "abort") {
    if (command.value("isworld") == "TRUE") wants_step_killed_ = true;
  } else if (name == "spawn") {
    answer(task, {{"cmd", "spawn-response"}, {"rc", "-1"}, {"errmsg", "spawning is not supported"}});
  } else if (name == "name-publish" || name == "name-unpublish" || name == "name-lookup") {
    answer(task, {{"cmd", name + "-response"}, {"rc", "1"}});
  }
}

std::string PmiServer::job_attribute(std::string_view key) const {
  if (key == "PMI_process_mapping") return step_.process_mapping;
  if (key == "universeSize") return std::to_string(step_.task_count);
  if (key == "mpi_reserved_ports") return step_.reserved_ports;
  return {};
}

// --- fences -------------------------------------------------------------------------------------------------------

void PmiServer::put(const PmiCommand& command) {
  const std::string pair = packed(std::string(command.value("key"))) + packed(std::string(command.value("value")));
  bytes_ += pair.size();
  if (bytes_ <= kBytesMax) put_here_ += pair;
}

void PmiServer::enter_fence(Task& task) {
  task.in_fence = true;
  if (std::ranges::all_of(tasks_, &Task::in_fence)) send_fence();
}

void PmiServer::send_fence() {
  std::string message = codec::pack(kTreeFence, kAnyVersion) + codec::pack(step_.node_id, kAnyVersion) +
                        packed(node_name_) + codec::pack(std::uint32_t{1}, kAnyVersion) +  // speaks for itself alone
                        codec::pack(fence_, kAnyVersion) + put_here_;
  put_here_.clear();
  ++fence_;
  message = codec::pack(static_cast<std::uint32_t>(message.size()), kAnyVersion) + message;
  auto socket = connect_to(host_, step_.srun_port, kConnectMs);
  if (socket) fcntl(socket->get(), F_SETFL, fcntl(socket->get(), F_GETFL) & ~O_NONBLOCK);
  fence_sent_ = socket && exec::write_all(socket->get(), message);
  if (fence_sent_) return;
  leave_fence(-1);
  wants_step_killed_ = true;
}

void PmiServer::leave_fence(int rc) {
  for (Task& task : tasks_) {
    if (!std::exchange(task.in_fence, false)) continue;
    answer(task,
           {{"cmd", task.reader.version() == 1 ? "barrier_out" : "kvs-fence-response"}, {"rc", std::to_string(rc)}});
  }
}

Result<void> PmiServer::take(std::string_view data) {
  if (data.size() < 2) return fail(Errc::corrupt, "PMI message of {} bytes", data.size());
  const auto command =
      static_cast<std::uint16_t>(static_cast<unsigned char>(data[0]) << 8 | static_cast<unsigned char>(data[1]));
  data.remove_prefix(2);
  std::uint32_t fence = 0;
  if (command != kTreeFenceAnswer || !take_u32(data, fence)) return fail(Errc::corrupt, "PMI message {}", command);
  if (!fence_sent_ || fence + 1 != fence_) return {};  // said before
  fence_sent_ = false;
  while (!data.empty()) {
    std::string key, value;
    if (!take_string(data, key) || !take_string(data, value)) return fail(Errc::corrupt, "pairs of a fence");
    bytes_ += key.size() + value.size();
    if (bytes_ <= kBytesMax) pairs_[std::move(key)] = std::move(value);
  }
  leave_fence(0);
  return {};
}

}  // namespace flurm::stepd
