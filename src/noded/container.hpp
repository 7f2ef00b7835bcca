// noded/container.hpp — steps that run in an OCI container: --container=BUNDLE, by the program that oci.conf names.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "conf/other_conf.hpp"
#include "exec/step_messages.hpp"
#include "io/loop.hpp"
#include "io/process.hpp"
#include "io/task.hpp"

namespace flurm::noded {

/// Rewrites the plan of a step with one task so that the task starts the container: its bundle's config.json, with the
/// step's command and environment, goes into a directory of the step's own below the spool, which becomes the working
/// directory. What users wrote is read with their rights. Blocks; for a worker thread.
/// Errors: bad_task_count (more than one task on the node), io, einval (no usable config.json).
/// Source: slurm 22.05 slurmstepd/container.c setup_container().
Result<void> put_in_container(exec::StepLaunch& plan, const std::string& bundle, const conf::OciConf& conf,
                              const std::string& spool);

/// The step is over: what is left of its container is killed and deleted, in the user's name, and its directory goes.
/// A step that had none costs a look.
io::Task<void> remove_container(io::Loop& loop, io::ChildWatch& children, std::string spool, exec::StepKey step,
                                std::uint32_t uid, std::uint32_t gid);

}  // namespace flurm::noded
