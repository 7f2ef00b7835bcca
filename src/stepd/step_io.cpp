// stepd/step_io.cpp — see step_io.hpp.
#include "stepd/step_io.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fmt/format.h"

namespace flurm::stepd {
namespace {

constexpr std::size_t kBehindMax = 1u << 20;
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kRecentMax = 128 * 1024;

}  // namespace

std::size_t StepIo::add_file(exec::Fd file, unsigned label_width, std::uint32_t label_offset) {
  files_.push_back({std::move(file), label_width, label_offset});
  return files_.size() - 1;
}

void StepIo::add_output(IoType type, std::uint32_t global_task, std::uint32_t local_task, exec::Fd fd, int file) {
  Output& output = outputs_.emplace_back();
  output.type = type;
  output.global_task = global_task;
  output.local_task = local_task;
  output.fd = std::move(fd);
  output.file = file;
}

void StepIo::add_input(std::uint32_t global_task, exec::Fd fd) {
  Input& input = inputs_.emplace_back();
  input.global_task = global_task;
  input.fd = std::move(fd);
}

void StepIo::add_client(exec::Fd socket, std::uint16_t version, std::uint32_t node_rank, std::string_view key,
                        bool late) {
  IoInit init{.version = version, .node_rank = node_rank, .key = key};
  for (const Output& output : outputs_) {
    if (output.end_sent) continue;
    ++(output.type == IoType::stdout_data ? init.stdout_streams : init.stderr_streams);
  }
  Client& client = clients_.emplace_back();
  client.fd = std::move(socket);
  queue_for(client, std::make_shared<const std::string>(io_init_message(init)));
  if (late) {
    for (const Chunk& chunk : recent_) queue_for(client, chunk);
  }
  write_client(client);
}

bool StepIo::write_line(std::string_view text) {
  const auto into = [&](IoType type) {
    return std::ranges::find_if(outputs_, [&](const Output& output) {
      return output.local_task == 0 && output.type == type && !output.end_sent;
    });
  };
  auto output = into(IoType::stderr_data);
  const bool on_terminal = output == outputs_.end();  // a terminal has one stream for both
  if (on_terminal) output = into(IoType::stdout_data);
  if (output == outputs_.end()) return false;
  const std::string line = fmt::format("{}{}", text, on_terminal ? "\r\n" : "\n");
  if (output->file >= 0) {
    write_labelled(*output, line);
    return true;
  }
  std::string frames, left = line;
  frame_output(left, false, true, output->type, output->global_task, output->local_task, frames);
  queue_for_clients(std::move(frames), true);
  return true;
}

// --- waiting ------------------------------------------------------------------------------------------------------

bool StepIo::clients_behind() const {
  return std::ranges::any_of(clients_, [](const Client& client) { return client.queued_bytes > kBehindMax; });
}

bool StepIo::inputs_behind() const {
  return std::ranges::any_of(inputs_,
                             [](const Input& input) { return input.queue.size() > kBehindMax / kIoPayloadMax; });
}

void StepIo::add_waits(std::vector<pollfd>& waits) {
  first_wait_ = waits.size();
  // An entry per end, in order, so that handle() finds them; those that wait for nothing have no descriptor there.
  const bool may_read = !clients_behind();
  for (const Output& output : outputs_) waits.push_back({may_read ? output.fd.get() : -1, POLLIN, 0});
  for (const Input& input : inputs_) {
    waits.push_back({input.queue.empty() ? -1 : input.fd.get(), POLLOUT, 0});
  }
  const bool may_take = !inputs_behind();
  for (const Client& client : clients_) {
    const int events = (client.reading && may_take ? POLLIN : 0) | (client.queue.empty() ? 0 : POLLOUT);
    waits.push_back({events != 0 ? client.fd.get() : -1, static_cast<short>(events), 0});
  }
}

void StepIo::handle(const std::vector<pollfd>& waits) {
  std::size_t at = first_wait_;
  const std::size_t outputs = outputs_.size(), inputs = inputs_.size(), clients = clients_.size();
  for (std::size_t i = 0; i < outputs; ++i) {
    if (waits[at++].revents != 0) read_output(outputs_[i]);
  }
  for (std::size_t i = 0; i < inputs; ++i) {
    if (waits[at++].revents != 0) write_input(inputs_[i]);
  }
  auto client = clients_.begin();
  for (std::size_t i = 0; i < clients; ++i, ++client) {
    const short revents = waits[at++].revents;
    if (revents & (POLLIN | POLLHUP | POLLERR)) read_client(*client);
    if (revents & (POLLOUT | POLLERR)) write_client(*client);
  }
  std::erase_if(clients_, [](const Client& each) { return !each.fd; });
}

bool StepIo::takes_lines(const Output& output) const {
  return output.local_task == 0 && output.type == IoType::stderr_data;
}

void StepIo::end_lines() {
  lines_ended_ = true;
  for (Output& output : outputs_) {
    if (takes_lines(output) && !output.fd) pass_on(output);
  }
}

// --- output -------------------------------------------------------------------------------------------------------

void StepIo::read_output(Output& output) {
  char buffer[kReadBytes];
  const ssize_t n = read(output.fd.get(), buffer, sizeof buffer);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n > 0) {
    output.pending.append(buffer, static_cast<std::size_t>(n));
  } else {
    output.fd.reset();  // the end; of a terminal that nobody has open any more it is EIO
  }
  pass_on(output);
}

void StepIo::pass_on(Output& output) {
  const bool at_end = !output.fd;
  if (output.file >= 0) {
    const bool all = at_end || output.pending.size() > kReadBytes;  // whoever writes no lines gets some
    const std::size_t whole = all ? output.pending.size() : output.pending.rfind('\n') + 1;
    write_labelled(output, std::string_view(output.pending).substr(0, whole));
    output.pending.erase(0, whole);
  } else {
    std::string frames;
    if (frame_output(output.pending, line_buffered_, at_end, output.type, output.global_task, output.local_task,
                     frames)) {
      queue_for_clients(std::move(frames), true);
    }
  }
  if (!at_end || output.end_sent || (takes_lines(output) && !lines_ended_)) return;
  output.end_sent = true;
  std::string end;
  append_io_frame(end, output.type, output.global_task, output.local_task, {});
  queue_for_clients(std::move(end), false);
}

void StepIo::write_labelled(const Output& output, std::string_view text) {
  LabelledFile& file = files_[static_cast<std::size_t>(output.file)];
  std::string labelled;
  while (!text.empty()) {
    const std::size_t line = std::min(text.find('\n'), text.size() - 1) + 1;
    labelled += fmt::format("{:>{}}: {}", output.global_task + file.offset, file.width, text.substr(0, line));
    text.remove_prefix(line);
  }
  if (!labelled.empty() && labelled.back() != '\n') labelled.push_back('\n');
  if (file.fd && !exec::write_all(file.fd.get(), labelled)) file.fd.reset();
}

void StepIo::queue_for_clients(std::string bytes, bool remember) {
  const auto chunk = std::make_shared<const std::string>(std::move(bytes));
  for (Client& client : clients_) {
    const bool idle = client.queue.empty();
    queue_for(client, chunk);
    if (idle) write_client(client);
  }
  if (!remember) return;
  recent_.push_back(chunk);
  recent_bytes_ += chunk->size();
  while (recent_bytes_ > kRecentMax && recent_.size() > 1) {
    recent_bytes_ -= recent_.front()->size();
    recent_.pop_front();
  }
}

void StepIo::queue_for(Client& client, const Chunk& chunk) {
  if (!client.fd) return;
  client.queue.push_back(chunk);
  client.queued_bytes += chunk->size();
}

// --- clients ------------------------------------------------------------------------------------------------------

void StepIo::write_client(Client& client) {
  while (client.fd && !client.queue.empty()) {
    const std::string& chunk = *client.queue.front();
    const ssize_t n =
        send(client.fd.get(), chunk.data() + client.sent, chunk.size() - client.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {  // it is gone; the step goes on without it
      client.fd.reset();
      client.queue.clear();
      client.queued_bytes = 0;
      return;
    }
    client.sent += static_cast<std::size_t>(n);
    if (client.sent < chunk.size()) continue;
    client.queued_bytes -= chunk.size();
    client.sent = 0;
    client.queue.pop_front();
  }
}

void StepIo::read_client(Client& client) {
  if (!client.fd || !client.reading) return;
  char buffer[kReadBytes];
  const ssize_t n = recv(client.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n <= 0) {
    client.reading = false;
    return;
  }
  client.reader.add({buffer, static_cast<std::size_t>(n)});
  while (true) {
    auto frame = client.reader.next();
    if (!frame) client.reading = false;  // it does not speak as a client does: we listen no more
    if (!frame || !*frame) return;
    const IoHeader& header = (*frame)->header;
    if (header.type == IoType::connection_test) {
      std::string answer;
      append_io_frame(answer, IoType::connection_test, 0, 0, {});
      queue_for(client, std::make_shared<const std::string>(std::move(answer)));
      continue;
    }
    const auto chunk = std::make_shared<const std::string>(std::move((*frame)->payload));
    for (Input& input : inputs_) {
      const bool wanted =
          header.type == IoType::stdin_all || static_cast<std::uint16_t>(input.global_task) == header.global_task;
      if (!wanted || !input.fd) continue;
      input.queue.push_back(chunk);
      if (input.queue.size() == 1) write_input(input);
    }
  }
}

void StepIo::write_input(Input& input) {
  while (input.fd && !input.queue.empty()) {
    const std::string& chunk = *input.queue.front();
    if (chunk.empty()) {
      input.fd.reset();
      break;
    }
    const ssize_t n = write(input.fd.get(), chunk.data() + input.sent, chunk.size() - input.sent);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {
      input.fd.reset();  // nobody reads it any more
      break;
    }
    input.sent += static_cast<std::size_t>(n);
    if (input.sent < chunk.size()) continue;
    input.sent = 0;
    input.queue.pop_front();
  }
  if (!input.fd) input.queue.clear();
}

bool StepIo::drained(bool& asks_again) const {
  asks_again = false;
  if (!std::ranges::all_of(outputs_, &Output::end_sent)) return false;
  for (const Client& client : clients_) {
    if (!client.queue.empty()) return false;
    int unacknowledged = 0;
    if (ioctl(client.fd.get(), SIOCOUTQ, &unacknowledged) != 0 || unacknowledged == 0) continue;
    tcp_info about{};
    socklen_t size = sizeof about;
    const bool gone =
        getsockopt(client.fd.get(), IPPROTO_TCP, TCP_INFO, &about, &size) == 0 && about.tcpi_state == TCP_CLOSE;
    if (!gone) asks_again = true;
  }
  return !asks_again;
}

void StepIo::close() {
  for (Client& client : clients_) {
    char unread[4096];
    while (recv(client.fd.get(), unread, sizeof unread, MSG_DONTWAIT) > 0) {
    }
  }
  clients_.clear();
  outputs_.clear();
  inputs_.clear();
  files_.clear();
}

}  // namespace flurm::stepd
