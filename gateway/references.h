/* SPDX-License-Identifier: Apache-2.0 */
/* ${NAME} and ${file:PATH} of a guest's own sallyport.yaml. A snapshot has none left. nginx keeps only the variables
 * that its `env` directives name; secret files must be readable to the workers, which read the policy anew when it
 * changes. What cannot be read is a config.environment_missing, so such a policy is refused and the one before serves
 * on. */
#ifndef SP_GATEWAY_REFERENCES_H
#define SP_GATEWAY_REFERENCES_H

#include "core/policy/policy.h"

extern const struct sp_expansion sp_gateway_references;

#endif
