// wire/msg_type.cpp — look-ups in the RPC number table.
#include "wire/msg_type.hpp"

#include <algorithm>

namespace flurm::wire {
namespace {

constexpr MsgTypeInfo kTypes[] = {
#define X(number, name, release) {MsgType::name, #name, release},
#include "wire/msg_type.def"
#undef X
};
static_assert(std::ranges::is_sorted(kTypes, {}, &MsgTypeInfo::type));

}  // namespace

std::string_view msg_type_name(MsgType type) {
  auto at = std::ranges::lower_bound(kTypes, type, {}, &MsgTypeInfo::type);
  return at != std::end(kTypes) && at->type == type ? at->name : std::string_view();
}

std::optional<MsgType> msg_type_from_name(std::string_view name) {
  auto at = std::ranges::find(kTypes, name, &MsgTypeInfo::name);
  if (at == std::end(kTypes)) return std::nullopt;
  return at->type;
}

std::span<const MsgTypeInfo> msg_types() { return kTypes; }

}  // namespace flurm::wire
