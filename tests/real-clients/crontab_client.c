/* crontab_client.c — what Slurm's scrontab asks the controller, through Debian's libslurm: Debian has no scrontab.
 *
 *   crontab_client list            prints the text, then "disabled LINES" where there are any
 *   crontab_client remove
 *   crontab_client update FILE     each line is "MINUTE HOUR DAY MONTH WEEKDAY COMMAND", a field being "*" or a number
 *
 * Prints "jobs ID…", or "refused CODE LINES TEXT" and exits with 1. test_scrontab.py builds and runs it.
 */
#include <pwd.h>
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As libslurm has them, though its header does not (slurm 22.05 src/common/cron.h). */
struct cron_entry {
  uint32_t flags;
  bitstr_t *fields[5];
  char *spec, *command;
  uint32_t first_line, last_line;
};
bitstr_t *slurm_bit_alloc(int64_t bits);
void slurm_bit_set(bitstr_t *bits, int64_t bit);

static int refused(unsigned code, const char *lines, const char *text) {
  printf("refused %u %s %s\n", code, lines ? lines : "-", text ? text : "-");
  return 1;
}

static struct cron_entry *entry_of(char **line, uint32_t number) {
  static const int sizes[5] = {61, 25, 32, 13, 8};
  struct cron_entry *entry = calloc(1, sizeof *entry);
  entry->first_line = entry->last_line = number;
  entry->spec = strdup("");
  for (int i = 0; i < 5; ++i) {
    const char *word = strsep(line, " ");
    entry->fields[i] = slurm_bit_alloc(sizes[i]);
    if (strcmp(word, "*") == 0)
      entry->flags |= 2u << i;
    else if (word[0] != '-')
      slurm_bit_set(entry->fields[i], atoi(word));
  }
  return entry;
}

static int update(const char *path) {
  static char environment[] = "SLURM_GET_USER_ENV=1";
  char *variables[] = {environment, NULL}, *text = calloc(1, 65536), *rest, *line;
  FILE *file = fopen(path, "r");
  if (!file || !fread(text, 1, 65535, file)) return 2;
  List jobs = slurm_list_create(NULL);
  rest = strdup(text);
  for (uint32_t number = 0; (line = strsep(&rest, "\n")); ++number) {
    if (line[0] == '\0' || line[0] == '#') continue;
    job_desc_msg_t *job = calloc(1, sizeof *job);
    slurm_init_job_desc_msg(job);
    job->crontab_entry = entry_of(&line, number);
    job->script = malloc(strlen(line) + 16);
    sprintf(job->script, "#!/bin/sh\n%s\n", line);
    job->environment = variables;
    job->env_size = 1;
    job->name = strdup("cron");
    job->work_dir = strdup(getpwuid(getuid())->pw_dir);
    job->std_out = job->std_err = job->std_in = strdup("/dev/null");
    job->min_nodes = job->min_cpus = 1;
    job->user_id = getuid();
    job->group_id = getgid();
    slurm_list_append(jobs, job);
  }
  crontab_update_response_msg_t *answer = slurm_update_crontab(getuid(), getgid(), text, jobs);
  if (!answer) return refused(slurm_get_errno(), NULL, NULL);
  if (answer->return_code) return refused(answer->return_code, answer->failed_lines, answer->err_msg);
  printf("jobs");
  for (uint32_t i = 0; i < answer->jobids_count; ++i) printf(" %u", answer->jobids[i]);
  printf("\n");
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  slurm_init(NULL);
  if (strcmp(argv[1], "list") == 0) {
    char *text = NULL, *disabled = NULL;
    int code = slurm_request_crontab(argc > 2 ? (uid_t)atoi(argv[2]) : getuid(), &text, &disabled);
    if (code) return refused((unsigned)code, NULL, NULL);
    printf("%s", text ? text : "");
    if (disabled && disabled[0]) printf("disabled %s\n", disabled);
    return 0;
  }
  if (strcmp(argv[1], "remove") == 0) {
    int code = slurm_remove_crontab(getuid(), getgid());
    return code ? refused((unsigned)code, NULL, NULL) : 0;
  }
  return argc > 2 ? update(argv[2]) : 2;
}
