// wire/msg/crontab.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/crontab.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::since;

void fields(Archive& ar, CrontabRequest& m) { ar("uid", m.uid); }

void fields(Archive& ar, CrontabResponse& m) {
  ar("crontab", m.crontab);
  ar("disabled_lines", m.disabled_lines);
}

void fields(Archive& ar, CrontabUpdateRequest& m) {
  ar("crontab", m.crontab);
  ar("jobs", m.jobs);
  ar("uid", m.uid);
  ar("gid", m.gid);
}

void fields(Archive& ar, CrontabUpdateResponse& m) {
  ar("err_msg", m.err_msg);
  ar("job_submit_user_msg", m.job_submit_user_msg, since(v23_02));
  ar("failed_lines", m.failed_lines);
  ar("jobids", m.jobids);
  ar("return_code", m.return_code);
}

}  // namespace flurm::wire
