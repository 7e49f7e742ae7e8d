"""What is wrong with objects of the built-in kinds: upstream's pkg/apis/*/validation, a package for each group."""

import sampan.resources.strategies  # noqa: F401  (its modules and ours need one another: theirs are to come first)
