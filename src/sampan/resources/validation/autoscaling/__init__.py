"""What is wrong with objects of the autoscaling group."""
