// stepd/step_io.hpp — the streams between a step's tasks and those who follow it: srun, sattach, labelled files.
//
// Output is cut into frames once and queued for every client. Nothing is lost and nothing grows: when one client is a
// mebibyte behind, the tasks' pipes are not read until it has caught up, and so a task that writes on waits. Input that
// a task does not read stops the reading from the clients in the same way.
#pragma once
#include <poll.h>

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "exec/fd.hpp"
#include "stepd/io_frames.hpp"

namespace flurm::stepd {

class StepIo {
 public:
  explicit StepIo(bool line_buffered) : line_buffered_(line_buffered) {}

  /// A file that takes labelled lines; returns its number.
  std::size_t add_file(exec::Fd file, unsigned label_width, std::uint32_t label_offset);
  /// The reading end of a task's output. file: from add_file(), or -1 for the clients.
  void add_output(IoType type, std::uint32_t global_task, std::uint32_t local_task, exec::Fd fd, int file);
  /// The writing end of a task's input.
  void add_input(std::uint32_t global_task, exec::Fd fd);
  /// A connected socket; everything it gets begins with the init message. late: it gets the last of what came already.
  void add_client(exec::Fd socket, std::uint16_t version, std::uint32_t node_rank, std::string_view key, bool late);

  /// A line of ours in the first task's standard error; false where that is no stream.
  bool write_line(std::string_view line);
  /// No more of them come. Until then clients are not told that this stream has ended.
  void end_lines();

  /// Appends what to wait for; handle() gets the same list after poll(2).
  void add_waits(std::vector<pollfd>& waits);
  void handle(const std::vector<pollfd>& waits);

  /// Every stream has ended, and every client's machine has got everything: closing a connection before that, with
  /// input unread, would make the kernel drop the rest. Nothing tells of the last part; `asks_again` then says to look
  /// again.
  bool drained(bool& asks_again) const;
  void close();

 private:
  using Chunk = std::shared_ptr<const std::string>;
  struct LabelledFile {
    exec::Fd fd;
    unsigned width = 1;
    std::uint32_t offset = 0;
  };
  struct Output {
    IoType type{};
    std::uint32_t global_task = 0, local_task = 0;
    exec::Fd fd;  ///< gone when the stream has ended
    int file = -1;
    std::string pending;
    bool end_sent = false;
  };
  struct Input {
    std::uint32_t global_task = 0;
    exec::Fd fd;
    std::deque<Chunk> queue;  ///< an empty one is the end
    std::size_t sent = 0;     ///< of the first
  };
  struct Client {
    exec::Fd fd;
    IoFrameReader reader;
    bool reading = true;
    std::deque<Chunk> queue;
    std::size_t sent = 0, queued_bytes = 0;
  };

  bool clients_behind() const;
  bool inputs_behind() const;
  void read_output(Output& output);
  void pass_on(Output& output);
  void write_labelled(const Output& output, std::string_view text);
  void queue_for_clients(std::string bytes, bool remember);
  void queue_for(Client& client, const Chunk& chunk);
  void read_client(Client& client);
  void write_client(Client& client);
  void write_input(Input& input);

  bool takes_lines(const Output& output) const;

  bool line_buffered_;
  bool lines_ended_ = false;
  std::vector<LabelledFile> files_;
  std::vector<Output> outputs_;
  std::vector<Input> inputs_;
  std::list<Client> clients_;
  std::deque<Chunk> recent_;  ///< for clients that come late
  std::size_t recent_bytes_ = 0;
  std::size_t first_wait_ = 0;
};

}  // namespace flurm::stepd
