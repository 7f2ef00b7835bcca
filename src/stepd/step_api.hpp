// stepd/step_api.hpp — the socket of a step under the name and in the language of Slurm's own supervisor:
// "<spool>/<node>_<job>.<step>". `scontrol listpids` looks for it, pam_slurm_adopt, and whoever else links Slurm's
// library.
//
// It answers questions; orders come over our own socket (exec/step_messages.hpp). A request is an int, some have an
// argument, and answers are the bytes of C values of this machine. (slurm 22.05 common/stepd_api.h, slurmstepd/req.c)
#pragma once
#include <poll.h>

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "exec/fd.hpp"

namespace flurm::stepd {

enum class StepQuestion : std::int32_t {
  state = 5,
  has_process = 8,  // argument: pid
  daemon_pid = 9,
  tasks = 14,
  processes = 15,
  memory_limits = 19,
  uid = 20,
  node_rank = 21,
  adopt = 22,  // argument: pid
  x11_display = 23,
  name_space = 26,
};

class StepApi {
 public:
  /// The answer for a process of user `uid`; nullopt: none, and the connection ends.
  using Answer =
      std::function<std::optional<std::string>(StepQuestion question, std::int32_t argument, std::uint32_t uid)>;

  /// Everybody on the machine can connect. Errors: io; einval (the path does not fit into an address).
  static Result<StepApi> listen(std::string path, Answer answer);
  StepApi(StepApi&&) = default;
  StepApi& operator=(StepApi&&) = delete;
  /// Takes the name away.
  ~StepApi();

  /// Appends what to wait for; handle() gets the same list after poll(2).
  void add_waits(std::vector<pollfd>& waits);
  void handle(const std::vector<pollfd>& waits);

 private:
  struct Caller {
    exec::Fd fd;
    std::uint32_t uid = 0;
    bool greeted = false;
    std::string received;
  };

  StepApi(std::string path, exec::Fd listener, Answer answer)
      : path_(std::move(path)), listener_(std::move(listener)), answer_(std::move(answer)) {}
  void accept();
  bool serve(Caller& caller);

  std::string path_;
  exec::Fd listener_;
  Answer answer_;
  std::list<Caller> callers_;
  std::size_t first_wait_ = 0;
};

/// A C value's bytes, appended to an answer.
template <class T>
void append_value(std::string& answer, T value) {
  answer.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace flurm::stepd
