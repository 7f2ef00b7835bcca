// io/random.hpp — chance. Only the world asks here; the pure rooms have none.
#pragma once
#include <cstddef>
#include <string>

namespace flurm::io {

/// From the kernel, fit for secrets. Stops the process when there are none: what is made of them would be worth
/// nothing. Any thread.
std::string random_bytes(std::size_t count);

}  // namespace flurm::io
