"""What training to an accuracy takes: epochs over the batch, and from them time, energy and money."""
