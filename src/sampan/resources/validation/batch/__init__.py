"""What is wrong with objects of the batch group."""
