// model/cron.cpp — the stored form of scrontabs.
#include "model/cron.hpp"

#include "codec/archive.hpp"

namespace flurm::model {

void fields(codec::Archive& ar, CronEntry& e) {
  ar("minutes", e.minutes);
  ar("hours", e.hours);
  ar("days", e.days);
  ar("months", e.months);
  ar("weekdays", e.weekdays);
  ar("any_day", e.any_day);
  ar("any_weekday", e.any_weekday);
  ar("spec", e.spec);
  ar("first_line", e.first_line);
  ar("last_line", e.last_line);
  ar("comes_back", e.comes_back);
  ar("start_wanted", e.start_wanted);
}

void fields(codec::Archive& ar, Crontab& c) {
  ar("user_id", c.user_id);
  ar("text", c.text);
  ar("disabled_lines", c.disabled_lines);
  ar("jobs", c.jobs);
}

}  // namespace flurm::model
