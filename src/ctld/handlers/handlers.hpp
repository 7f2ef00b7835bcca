// ctld/handlers/handlers.hpp — one function per request. Each decodes, authorizes, and answers; changes go through
// Replica::propose(), reads through Replica::snapshot(). Internal to the room.
#pragma once
#include "ctld/controller.hpp"
#include "wire/msg/node_registration.hpp"

namespace flurm::ctld {

io::Task<Answer> submit_batch_job(Controller& c, Call call);
io::Task<Answer> job_will_run(Controller& c, Call call);

Answer crontab(Controller& c, const Call& call);
io::Task<Answer> update_crontab(Controller& c, Call call);

io::Task<Answer> submit_het_job(Controller& c, Call call);
io::Task<Answer> allocate_het_job(Controller& c, Call call);

io::Task<Answer> allocate_resources(Controller& c, Call call);
io::Task<Answer> complete_allocation(Controller& c, Call call);
Answer allocation_info(Controller& c, const Call& call);
Answer component_allocation_info(Controller& c, const Call& call);
/// Of "host:port", where IPv6 has brackets.
std::string host_of(const std::string& peer);
Answer job_end_time(Controller& c, const Call& call);
Answer notify_job(Controller& c, const Call& call);

io::Task<Answer> create_step(Controller& c, Call call);
io::Task<Answer> complete_step(Controller& c, Call call);
io::Task<Answer> cancel_step(Controller& c, Call call);
io::Task<Answer> update_step(Controller& c, Call call);
io::Task<Answer> sbcast_credential(Controller& c, Call call);
Answer step_layout_reply(Controller& c, const Call& call);

Answer job_info_all(Controller& c, const Call& call);
Answer job_info_single(Controller& c, const Call& call);
Answer job_info_user(Controller& c, const Call& call);
Answer job_states(Controller& c, const Call& call);
Answer batch_script(Controller& c, const Call& call);
Answer job_ready(Controller& c, const Call& call);
Answer node_info_all(Controller& c, const Call& call);
Answer node_info_single(Controller& c, const Call& call);
Answer partition_info_all(Controller& c, const Call& call);

io::Task<Answer> kill_job(Controller& c, Call call);
io::Task<Answer> kill_jobs(Controller& c, Call call);
io::Task<Answer> requeue_job(Controller& c, Call call);
io::Task<Answer> suspend_job(Controller& c, Call call);
io::Task<Answer> top_job(Controller& c, Call call);
io::Task<Answer> update_job(Controller& c, Call call);

io::Task<Answer> register_node(Controller& c, Call call);
io::Task<Answer> batch_complete(Controller& c, Call call);
io::Task<Answer> epilog_complete(Controller& c, Call call);
Answer prolog_complete(Controller& c, const Call& call);

io::Task<Answer> create_nodes(Controller& c, Call call);
io::Task<Answer> delete_nodes(Controller& c, Call call);
/// The node that reports, though nobody configured it (slurmd -Z), becomes one. Errors: access_denied,
/// invalid_node_name.
io::Task<Errc> add_registering_node(Controller& c, wire::NodeRegistrationStatus status, std::string peer);

io::Task<Answer> update_node(Controller& c, Call call);
io::Task<Answer> reboot_nodes(Controller& c, Call call);
io::Task<Answer> update_partition(Controller& c, Call call);
io::Task<Answer> delete_partition(Controller& c, Call call);

io::Task<Answer> create_reservation(Controller& c, Call call);
io::Task<Answer> update_reservation(Controller& c, Call call);
io::Task<Answer> delete_reservation(Controller& c, Call call);

io::Task<Answer> set_triggers(Controller& c, Call call);
io::Task<Answer> clear_triggers(Controller& c, Call call);
/// A daemon of the database reports what happened to it.
io::Task<Answer> pull_trigger(Controller& c, Call call);
Answer trigger_list(Controller& c, const Call& call);

io::Task<Answer> reconfigure(Controller& c, Call call);

Answer build_info_reply(Controller& c, const Call& call);
Answer statistics_info(Controller& c, const Call& call);
Answer config_files(Controller& c, const Call& call);
Answer control_status(Controller& c, const Call& call);
Answer set_debug_level(Controller& c, const Call& call);
Answer set_debug_flags(Controller& c, const Call& call);
Answer set_schedlog_level(Controller& c, const Call& call);
io::Task<Answer> set_dampening(Controller& c, Call call);
Answer take_over(Controller& c, const Call& call);
Answer token(Controller& c, const Call& call);
Answer shut_down(Controller& c, const Call& call);

Answer license_info(Controller& c, const Call& call);
Answer step_info(Controller& c, const Call& call);
Answer reservation_info_all(Controller& c, const Call& call);
Answer federation_info(Controller& c, const Call& call);
/// Of burst buffers and front-end nodes there are none.
Answer burst_buffer_info(Controller& c, const Call& call);
Answer burst_buffer_status(Controller& c, const Call& call);
Answer front_end_info(Controller& c, const Call& call);
Answer update_front_end(Controller& c, const Call& call);
Answer topology_info(Controller& c, const Call& call);
Answer priority_factors(Controller& c, const Call& call);
Answer share_info(Controller& c, const Call& call);
io::Task<Answer> assoc_mgr_info(Controller& c, Call call);

/// The answer to a command that had one or more targets: a code, or one per array task.
/// The answer for a job that is not there; array tasks are answered one by one.
Answer unknown_job(const Call& call, const std::string& named, const Error& error);
Answer target_answer(Controller& c, const Call& call, const state::Reply& reply);

}  // namespace flurm::ctld
