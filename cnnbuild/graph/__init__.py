"""What a document means, in integers: shapes, parameters, multiply-adds, receptive fields. Without torch."""
