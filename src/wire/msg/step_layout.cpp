// wire/msg/step_layout.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/step_layout.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::items, codec::Kind, codec::present_u8, codec::since, codec::sized;

void fields(Archive& ar, StepLayout& m) {
  ar("front_end", m.front_end);
  ar("node_list", m.node_list);
  ar("node_cnt", count(m.node_cnt));
  ar("start_protocol_ver", m.start_protocol_ver);
  ar("task_cnt", m.task_cnt);
  ar("task_dist", m.task_dist);
  ar("tids", items(m.tids, m.node_cnt));
  ar("cpt_compact_array", m.cpt_compact_array, since(v23_11));
  ar("cpt_compact_reps", m.cpt_compact_reps, since(v23_11));
  ar("network_alias", m.network_alias, since(v23_11));
}

void step_layout(Archive& ar, std::optional<StepLayout>& m) {
  bool wanted = ar.kind() == Kind::fuzz ? ar.choose(2) == 1 : m.has_value() || ar.kind() == Kind::layout;
  std::uint16_t present = wanted ? 1 : 0;
  if (ar.kind() != Kind::fuzz && ar.kind() != Kind::dump) ar("present", present);
  if (ar.fills()) {
    m.reset();
    if (present != 0) m.emplace();
  }
  if (m) {
    ar("step_layout", *m);
  } else if (ar.kind() == Kind::layout) {
    StepLayout shown;
    ar("step_layout", shown);
  }
}

void fields(Archive& ar, StepLayoutResponse& m) { step_layout(ar, m.step_layout); }

void fields(Archive& ar, JobStepPids& m) {
  ar("node_name", m.node_name);
  ar("pid", m.pid);
}

void fields(Archive& ar, JobStepStat& m) {
  ar("return_code", m.return_code);
  ar("num_tasks", m.num_tasks);
  ar("jobacct", present_u8(m.jobacct));
  ar("step_pids", m.step_pids);
}

void fields(Archive& ar, ForwardData& m) {
  ar("address", m.address);
  auto len = static_cast<std::uint32_t>(m.data.size());
  ar("len", count(len));
  ar("data", sized(m.data, len));
}

}  // namespace flurm::wire
