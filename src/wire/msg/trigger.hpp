// wire/msg/trigger.hpp — event triggers (strigger).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codec/archive.hpp"

namespace flurm::wire {

struct TriggerInfo {
  std::uint16_t flags = 0;
  std::uint32_t trig_id = 0;
  std::uint16_t res_type = 0;
  std::string res_id;
  std::uint32_t trig_type = 0, control_inx = 0;
  std::uint16_t offset = 0;
  std::uint32_t user_id = kNoVal32;
  std::string program;
  bool operator==(const TriggerInfo&) const = default;
};
void fields(codec::Archive& ar, TriggerInfo& m);

/// REQUEST_TRIGGER_SET, REQUEST_TRIGGER_GET, REQUEST_TRIGGER_CLEAR, REQUEST_TRIGGER_PULL, RESPONSE_TRIGGER_GET.
struct TriggerInfoMsg {
  std::vector<TriggerInfo> trigger_array;
  bool operator==(const TriggerInfoMsg&) const = default;
};
void fields(codec::Archive& ar, TriggerInfoMsg& m);

}  // namespace flurm::wire
