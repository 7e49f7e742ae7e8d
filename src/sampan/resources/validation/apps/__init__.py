"""What is wrong with objects of the apps group."""
