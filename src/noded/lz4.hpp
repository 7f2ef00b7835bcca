// noded/lz4.hpp — unpacks what sbcast --compress=lz4 sends: one LZ4 block, without LZ4's frame around it.
#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace flurm::noded {

/// The block's content, which must be exactly `size` bytes. Source: lz4 block format description (lz4_Block_format.md).
/// Errors: corrupt.
Result<std::string> lz4_unpack(std::string_view block, std::size_t size);

}  // namespace flurm::noded
