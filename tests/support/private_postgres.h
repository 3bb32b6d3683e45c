/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL of the test's own (tests/support/private-postgres), gone when the test is, however it ends. */
#ifndef SP_TESTS_PRIVATE_POSTGRES_H
#define SP_TESTS_PRIVATE_POSTGRES_H

#include <stdbool.h>

/* False: no PostgreSQL is installed. Fails the test when it cannot be started. */
bool private_postgres_start(void);
void private_postgres_stop(void);
/* What libpq connects by. */
const char *private_postgres_url(void);
/* "start", "stop" or "kill"; returns when it is done. */
void private_postgres_tell(const char *word);

#endif
