"""What is wrong with objects of the built-in kinds: upstream's pkg/apis/*/validation, a package for each group."""
