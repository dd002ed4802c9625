#ifndef ENGINE_INSPECT_H
#define ENGINE_INSPECT_H

#include "aipm/engine.h"

/*
 * inspect: what we ask an engine for, as a Go template that prints lines,
 * and the lines -> containers.
 *
 * .ID is what both call the id inside.  With .Id docker falls back to its raw
 * answer, where a field that is not set (.Config.StopTimeout) is an error.
 */
#define ENGINE_INSPECT                                                        \
	"container {{.ID}}\n"                                                 \
	"name {{json .Name}}\n"                                               \
	"created {{json .Created}}\n"                                         \
	"status {{json .State.Status}}\n"                                     \
	"started {{json .State.StartedAt}}\n"                                 \
	"health {{if .State.Health}}{{json .State.Health.Status}}"            \
	"{{else}}null{{end}}\n"                                               \
	"exit {{json .State.ExitCode}}\n"                                     \
	"timeout {{json .Config.StopTimeout}}\n"                              \
	"remove {{json .HostConfig.AutoRemove}}\n"                            \
	"{{range $k, $v := .Config.Labels}}"                                  \
	"label {{json $k}} {{json $v}}\n{{end}}"                              \
	"{{range .Mounts}}"                                                   \
	"mount {{json .Type}} {{json .RW}} {{json .Source}} {{json .Name}}\n" \
	"{{end}}"                                                             \
	"end"

#define ENGINE_VOLUME                             \
	"volume {{json .Name}}\n"                 \
	"{{range $k, $v := .Options}}"            \
	"option {{json $k}} {{json $v}}\n{{end}}" \
	"end"

/* Add the containers that text tells of; text is changed.  Failure: *c
 * holds what came before. */
int engine_parse_containers(
    struct aipm_containers *c, char *text, struct aipm_err *err);

/* Enter the devices of the volumes that text tells of into *c. */
int engine_parse_volumes(
    struct aipm_containers *c, char *text, struct aipm_err *err);

#endif
