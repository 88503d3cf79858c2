"""What stands between the studio and whoever can reach its port."""
