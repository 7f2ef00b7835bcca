// model/trigger.cpp — the stored form of triggers.
#include "model/trigger.hpp"

#include "codec/archive.hpp"

namespace flurm::model {

void fields(codec::Archive& ar, TriggerEvent& e) {
  ar("target", e.target);
  ar("event", e.event);
  ar("node", e.node);
}

void fields(codec::Archive& ar, Trigger& t) {
  ar("id", t.id);
  ar("flags", t.flags);
  ar("target", t.target);
  ar("target_id", t.target_id);
  ar("events", t.events);
  ar("offset", t.offset);
  ar("user_id", t.user_id);
  ar("group_id", t.group_id);
  ar("program", t.program);
  ar("nodes", t.nodes);
  ar("job", t.job);
  ar("due", t.due);
  ar("argument", t.argument);
  ar("rests_until", t.rests_until);
}

}  // namespace flurm::model
