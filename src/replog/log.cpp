// replog/log.cpp — propose() for coroutines.
#include "replog/log.hpp"

#include "io/event.hpp"

namespace flurm::replog {

io::Task<Result<std::uint64_t>> Log::commit(std::vector<std::string> entries) {
  io::OneShot<Result<std::uint64_t>> done(loop_);
  propose(std::move(entries), [done](Result<std::uint64_t> result) { done.set(std::move(result)); });
  // The log answers every proposal, at the latest when it stops.
  auto waiting = done.wait(io::Deadline::never());
  Result<Result<std::uint64_t>> result = co_await waiting;
  co_return std::move(*result);
}

}  // namespace flurm::replog
