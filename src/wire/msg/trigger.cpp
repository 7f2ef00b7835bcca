// wire/msg/trigger.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/trigger.hpp"

namespace flurm::wire {

using codec::Archive;

void fields(Archive& ar, TriggerInfo& m) {
  ar("flags", m.flags);
  ar("trig_id", m.trig_id);
  ar("res_type", m.res_type);
  ar("res_id", m.res_id);
  ar("trig_type", m.trig_type);
  ar("control_inx", m.control_inx);
  ar("offset", m.offset);
  ar("user_id", m.user_id);
  ar("program", m.program);
}

void fields(Archive& ar, TriggerInfoMsg& m) { ar("trigger_array", m.trigger_array); }

}  // namespace flurm::wire
