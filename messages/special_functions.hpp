// special_functions.hpp: The few special functions that intervals need. Pure; double precision, relative error below 1e-10
// where statistics are made of them.
#pragma once

namespace sextant {

/// Regularised incomplete beta function I_x(a, b) for a, b > 0; 0 below x = 0, 1 above x = 1.
double incomplete_beta(double a, double b, double x);

/// P(B <= k) for B ~ Binomial(n, p); by the beta function also for k and n between integers. 0 below k = 0, 1 from k = n on.
double binomial_at_most(double k, double n, double p);

/// Quantile of the standard normal distribution, 0 < level < 1.
double normal_quantile(double level);

/// P(Z <= z) of the standard normal distribution.
double normal_at_most(double z);

/// Quantile of Student's t distribution, 0 < level < 1, at least one degree of freedom.
double student_t_quantile(double level, double degrees);

} // namespace sextant
