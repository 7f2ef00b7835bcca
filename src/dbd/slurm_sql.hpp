// dbd/slurm_sql.hpp — what `sacctmgr archive load` may be given of a slurmdbd's, carried out on our own store: its
// binary archives (see slurm_archive.hpp), and SQL for its tables (see sql_text.hpp), in the words of the oldest
// releases ("insert into job_table (jobid, …, cluster, …)") or with the tables and columns of 22.05 ("insert into
// "linux_job_table" (id_job, …)"). Source of the old names: slurm 22.05 as_mysql_archive.c, _process_old_sql_line().
#pragma once
#include <cstdint>
#include <string_view>

#include "acct/books.hpp"
#include "base/result.hpp"
#include "store/store.hpp"

namespace flurm::dbd {

bool is_of_slurmdbd(std::string_view text);

/// Returns how many rows were inserted. A job that has a number (job_db_inx) keeps it where no other job has it, and
/// steps that name it follow. Texts in columns of numbers count as MariaDB counts them: what they begin with, or 0.
/// In "alloc_nodes='…'" of a removal a text that is no number means the jobs on just these nodes, where MariaDB would
/// take it for 0 and remove all jobs that never began. Jobs and steps that are there are changed as "on duplicate key
/// update" says; of everything else the new row counts. Errors: parse (no such SQL), einval (an unknown cluster, table
/// or column; a job or step that is there already and not to be changed; a step of another cluster's job).
/// A binary archive replaces what is there; its numbers of associations, wckeys and jobs are slurmdbd's: where an
/// import has changed them, they are changed here, too. Errors also: corrupt (cut off).
Result<std::uint64_t> load_of_slurmdbd(store::Writer& writer, const acct::Books& books, std::string_view text);

}  // namespace flurm::dbd
