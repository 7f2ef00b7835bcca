// pmix/letter.hpp — what the PMIx servers of a step's nodes write to each other.
#pragma once
#include <cstdint>
#include <string>

#include "codec/archive.hpp"

namespace flurm::pmix {

struct Letter {
  enum class Kind : std::uint8_t {
    contribution,  ///< to a fence, from a node to the one that collects
    result,        ///< of a fence, to all others
    wanted,        ///< what `task` has published, as request `number`
    found,         ///< the answer: `status` and `data`
  };
  Kind kind{};
  std::string fence;         ///< names the tasks that take part
  std::uint64_t number = 0;  ///< which fence of these tasks, or which request
  std::uint32_t task = 0;
  std::int32_t status = 0;  ///< PMIx's
  std::string data;
};

void fields(codec::Archive& ar, Letter& m);

}  // namespace flurm::pmix
