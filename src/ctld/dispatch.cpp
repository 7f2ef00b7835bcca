// ctld/dispatch.cpp — which handler answers which request.
#include "auth/users.hpp"
#include "ctld/accounting/books.hpp"
#include "ctld/controller.hpp"
#include "ctld/handlers/handlers.hpp"
#include "io/worker.hpp"

namespace flurm::ctld {
namespace {

using wire::MsgType;

/// Requests answered from a snapshot, without waiting.
using Read = Answer (*)(Controller&, const Call&);
/// Requests that change the state, or ask somebody else first.
using Write = io::Task<Answer> (*)(Controller&, Call);

Read reader(MsgType type) {
  switch (type) {
    case MsgType::REQUEST_PING:
      return [](Controller&, const Call& call) { return rc_answer(call, Errc::success); };
    case MsgType::REQUEST_JOB_INFO:
      return job_info_all;
    case MsgType::REQUEST_JOB_INFO_SINGLE:
      return job_info_single;
    case MsgType::REQUEST_JOB_USER_INFO:
      return job_info_user;
    case MsgType::REQUEST_JOB_STATE:
      return job_states;
    case MsgType::REQUEST_BATCH_SCRIPT:
      return batch_script;
    case MsgType::REQUEST_JOB_READY:
      return job_ready;
    case MsgType::REQUEST_JOB_STEP_INFO:
      return step_info;
    case MsgType::REQUEST_STEP_LAYOUT:
      return step_layout_reply;
    case MsgType::REQUEST_JOB_ALLOCATION_INFO:
      return allocation_info;
    case MsgType::REQUEST_HET_JOB_ALLOC_INFO:
      return component_allocation_info;
    case MsgType::REQUEST_JOB_END_TIME:
      return job_end_time;
    case MsgType::REQUEST_JOB_NOTIFY:
      return notify_job;
    case MsgType::REQUEST_NODE_INFO:
      return node_info_all;
    case MsgType::REQUEST_NODE_INFO_SINGLE:
      return node_info_single;
    case MsgType::REQUEST_PARTITION_INFO:
      return partition_info_all;
    case MsgType::REQUEST_RESERVATION_INFO:
      return reservation_info_all;
    case MsgType::REQUEST_BUILD_INFO:
      return build_info_reply;
    case MsgType::REQUEST_STATS_INFO:
      return statistics_info;
    case MsgType::REQUEST_FED_INFO:
      return federation_info;
    case MsgType::REQUEST_BURST_BUFFER_INFO:
      return burst_buffer_info;
    case MsgType::REQUEST_BURST_BUFFER_STATUS:
      return burst_buffer_status;
    case MsgType::REQUEST_FRONT_END_INFO:
      return front_end_info;
    case MsgType::REQUEST_UPDATE_FRONT_END:
      return update_front_end;
    case MsgType::REQUEST_SET_SCHEDLOG_LEVEL:
      return set_schedlog_level;
    case MsgType::REQUEST_TAKEOVER:
      return take_over;
    case MsgType::REQUEST_AUTH_TOKEN:
      return token;
    case MsgType::REQUEST_LICENSE_INFO:
      return license_info;
    case MsgType::REQUEST_CONTROL_STATUS:
      return control_status;
    case MsgType::REQUEST_CONFIG:
      return config_files;
    case MsgType::REQUEST_TOPO_INFO:
      return topology_info;
    case MsgType::REQUEST_TRIGGER_GET:
      return trigger_list;
    case MsgType::REQUEST_PRIORITY_FACTORS:
      return priority_factors;
    case MsgType::REQUEST_SHARE_INFO:
      return share_info;
    case MsgType::REQUEST_SET_DEBUG_LEVEL:
      return set_debug_level;
    case MsgType::REQUEST_SET_DEBUG_FLAGS:
      return set_debug_flags;
    case MsgType::REQUEST_COMPLETE_PROLOG:
      return prolog_complete;
    case MsgType::REQUEST_CRONTAB:
      return crontab;
    case MsgType::REQUEST_SHUTDOWN:
      return shut_down;
    case MsgType::REQUEST_CONTROL:
      return shut_down;
    default:
      return nullptr;
  }
}

Write writer(MsgType type) {
  switch (type) {
    case MsgType::REQUEST_SUBMIT_BATCH_JOB:
      return submit_batch_job;
    case MsgType::REQUEST_SUBMIT_BATCH_HET_JOB:
      return submit_het_job;
    case MsgType::REQUEST_HET_JOB_ALLOCATION:
      return allocate_het_job;
    case MsgType::REQUEST_JOB_WILL_RUN:
      return job_will_run;
    case MsgType::REQUEST_UPDATE_CRONTAB:
      return update_crontab;
    case MsgType::REQUEST_RESOURCE_ALLOCATION:
      return allocate_resources;
    case MsgType::REQUEST_COMPLETE_JOB_ALLOCATION:
      return complete_allocation;
    case MsgType::REQUEST_JOB_STEP_CREATE:
      return create_step;
    case MsgType::REQUEST_STEP_COMPLETE:
      return complete_step;
    case MsgType::REQUEST_CANCEL_JOB_STEP:
      return cancel_step;
    case MsgType::REQUEST_UPDATE_JOB_STEP:
      return update_step;
    case MsgType::REQUEST_JOB_SBCAST_CRED:
      return sbcast_credential;
    case MsgType::REQUEST_KILL_JOB:
      return kill_job;
    case MsgType::REQUEST_KILL_JOBS:
      return kill_jobs;
    case MsgType::REQUEST_JOB_REQUEUE:
      return requeue_job;
    case MsgType::REQUEST_SUSPEND:
      return suspend_job;
    case MsgType::REQUEST_TOP_JOB:
      return top_job;
    case MsgType::REQUEST_UPDATE_JOB:
      return update_job;
    case MsgType::MESSAGE_NODE_REGISTRATION_STATUS:
      return register_node;
    case MsgType::REQUEST_COMPLETE_BATCH_SCRIPT:
      return batch_complete;
    case MsgType::MESSAGE_EPILOG_COMPLETE:
      return epilog_complete;
    case MsgType::REQUEST_UPDATE_NODE:
      return update_node;
    case MsgType::REQUEST_REBOOT_NODES:
      return reboot_nodes;
    case MsgType::REQUEST_CREATE_NODE:
      return create_nodes;
    case MsgType::REQUEST_DELETE_NODE:
      return delete_nodes;
    case MsgType::REQUEST_CREATE_PARTITION:
    case MsgType::REQUEST_UPDATE_PARTITION:
      return update_partition;
    case MsgType::REQUEST_DELETE_PARTITION:
      return delete_partition;
    case MsgType::REQUEST_CREATE_RESERVATION:
      return create_reservation;
    case MsgType::REQUEST_UPDATE_RESERVATION:
      return update_reservation;
    case MsgType::REQUEST_DELETE_RESERVATION:
      return delete_reservation;
    case MsgType::REQUEST_TRIGGER_SET:
      return set_triggers;
    case MsgType::REQUEST_TRIGGER_CLEAR:
      return clear_triggers;
    case MsgType::REQUEST_TRIGGER_PULL:
      return pull_trigger;
    case MsgType::REQUEST_RECONFIGURE:
      return reconfigure;
    case MsgType::REQUEST_SET_FS_DAMPENING_FACTOR:
      return set_dampening;
    case MsgType::REQUEST_ASSOC_MGR_INFO:
      return assoc_mgr_info;
    case MsgType::ACCOUNTING_UPDATE_MSG:
      return accounting_update;
    default:
      return nullptr;
  }
}

/// Requests about this process rather than about the cluster.
bool about_this_process(MsgType type) {
  switch (type) {
    case MsgType::REQUEST_CONFIG:
    case MsgType::REQUEST_BUILD_INFO:
    case MsgType::REQUEST_STATS_INFO:
    case MsgType::REQUEST_CONTROL_STATUS:
    case MsgType::REQUEST_SET_DEBUG_LEVEL:
    case MsgType::REQUEST_SET_DEBUG_FLAGS:
    case MsgType::REQUEST_SHUTDOWN:
    case MsgType::REQUEST_CONTROL:
      return true;
    default:
      return false;
  }
}

bool from_node(MsgType type) {
  return type == MsgType::MESSAGE_NODE_REGISTRATION_STATUS || type == MsgType::REQUEST_COMPLETE_BATCH_SCRIPT ||
         type == MsgType::MESSAGE_EPILOG_COMPLETE || type == MsgType::REQUEST_STEP_COMPLETE ||
         type == MsgType::REQUEST_COMPLETE_PROLOG;
}

}  // namespace

io::Task<Answer> dispatch(Controller& controller, Call call) {
  const Read read = reader(call.type);
  const Write write = read ? nullptr : writer(call.type);
  if (!read && !write) {
    log(Level::warn, "rpc.unknown",
        {{"type", wire::msg_type_name(call.type)},
         {"number", static_cast<std::uint16_t>(call.type)},
         {"peer", call.peer},
         {"uid", call.uid}});
    co_return rc_answer(call, Errc::einval);
  }
  if (!about_this_process(call.type)) {
    // Everything that was acknowledged, by whichever controller, is seen by what comes after.
    auto looking = read ? controller.colleagues().in_touch() : controller.colleagues().find_leader();
    const bool current = co_await looking;
    if (call.type == MsgType::REQUEST_PING && !current) co_return rc_answer(call, Errc::controller_unreachable);
    if (write && !current)
      co_return from_node(call.type) ? Answer::none() : rc_answer(call, Errc::controller_unreachable);
  }
  if (controller.levels_matter(call.uid)) {
    const bool groups_too = controller.config->mcs_plugin == "mcs/group";
    auto look_up = io::on_worker(controller.loop, [&users = controller.users, uid = call.uid, groups_too] {
      const auto user = users.by_uid(uid);
      return user && (!groups_too || users.group_names_of(*user));
    });
    co_await look_up;
  }
  if (read) co_return read(controller, call);
  auto task = write(controller, std::move(call));
  co_return co_await task;
}

}  // namespace flurm::ctld
